-- DropForeignKey
ALTER TABLE `B` DROP FOREIGN KEY `B_aId_fkey`;

-- DropIndex
DROP INDEX `B_aId_fkey` ON `B`;

-- CreateIndex
CREATE INDEX `B_aId_n_idx` ON `B`(`aId`, `n`);

-- AddForeignKey
ALTER TABLE `B` ADD CONSTRAINT `B_aId_fkey` FOREIGN KEY (`aId`) REFERENCES `A`(`id`) ON DELETE SET NULL ON UPDATE CASCADE;
