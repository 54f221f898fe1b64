-- CreateTable
CREATE TABLE `T` (
    `id` INTEGER NOT NULL,
    `a` INTEGER NOT NULL,
    `b` VARCHAR(191) NOT NULL,
    `c` TEXT NOT NULL,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

INSERT INTO `T` VALUES (1, 5, 'x', 'some text'), (2, 5, 'y', 'other'), (3, 7, 'ü', 'naïve; text');
