-- CreateTable
CREATE TABLE `T` (
    `a` INTEGER NOT NULL,
    `b` INTEGER NOT NULL,

    UNIQUE INDEX `T_b_key`(`b`),
    PRIMARY KEY (`a`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

INSERT INTO `T` VALUES (1, 5), (2, 6);
