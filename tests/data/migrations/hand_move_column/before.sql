CREATE TABLE `A` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `name` VARCHAR(191) NOT NULL,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE `B` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `aId` INTEGER NULL,
    `n` INTEGER NOT NULL,

    INDEX `B_n_idx`(`n`),
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
INSERT INTO `A` (`name`) VALUES ('x'), ('y');
INSERT INTO `B` (`aId`, `n`) VALUES (1, 10), (2, 20), (NULL, 30);
