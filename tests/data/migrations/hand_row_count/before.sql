CREATE TABLE `T` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `a` INTEGER NOT NULL DEFAULT 1,
    `b` VARCHAR(191) NULL,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
INSERT INTO `T` (`a`, `b`) VALUES (1, 'one'), (2, 'two'), (3, NULL), (4, 'vier; \'quoted\''), (5, 'пять');
