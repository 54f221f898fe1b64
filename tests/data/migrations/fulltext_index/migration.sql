-- CreateIndex
CREATE FULLTEXT INDEX `T_b_idx` ON `T`(`b`);
