-- CreateTable
CREATE TABLE `T` (
    `id` INTEGER NOT NULL,
    `a` INTEGER NOT NULL,
    `b` VARCHAR(191) NOT NULL,

    UNIQUE INDEX `T_b_key`(`b`),
    INDEX `T_a_idx`(`a`),
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

INSERT INTO `T` VALUES (1, 10, 'a'), (2, 20, 'b');
