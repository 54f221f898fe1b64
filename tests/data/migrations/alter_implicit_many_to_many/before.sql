CREATE TABLE `_AToB` (
    `A` INTEGER NOT NULL,
    `B` INTEGER NOT NULL,

    UNIQUE INDEX `_AToB_AB_unique`(`A`, `B`),
    INDEX `_AToB_B_index`(`B`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
INSERT INTO `_AToB` VALUES (1, 1), (1, 2), (2, 1);
