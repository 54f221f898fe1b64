-- CreateTable
CREATE TABLE `T` (
    `id` INTEGER NOT NULL,
    `a` INTEGER NOT NULL,
    `b` VARCHAR(191) NOT NULL,
    `c` INTEGER NOT NULL DEFAULT 1,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

INSERT INTO `T` VALUES (1, 1, 'x', 3), (2, 2, 'y', 4);
