-- CreateTable
CREATE TABLE `T` (
    `id` INTEGER NOT NULL,
    `a` INTEGER NOT NULL,
    `b` VARCHAR(191) NOT NULL,
    `c` VARCHAR(191) NULL,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

INSERT INTO `T` VALUES (1, 2147483647, 'b', NULL), (2, -1, 'ß', 'c');
