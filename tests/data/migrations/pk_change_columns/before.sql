-- CreateTable
CREATE TABLE `T` (
    `a` INTEGER NOT NULL,
    `b` INTEGER NOT NULL,

    PRIMARY KEY (`a`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

INSERT INTO `T` VALUES (1, 1), (2, 1), (3, 9);
