-- CreateTable
CREATE TABLE `T` (
    `id` INTEGER NOT NULL,
    `a` INTEGER NULL,
    `b` INTEGER NOT NULL,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

INSERT INTO `T` VALUES (1, 5, 6), (2, 0, 7);
