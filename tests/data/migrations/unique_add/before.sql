-- CreateTable
CREATE TABLE `T` (
    `id` INTEGER NOT NULL,
    `a` VARCHAR(191) NOT NULL,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

INSERT INTO `T` VALUES (1, 'a'), (2, 'b');
