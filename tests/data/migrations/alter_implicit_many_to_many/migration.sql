-- AlterTable
ALTER TABLE `_AToB` ADD CONSTRAINT `_AToB_AB_pkey` PRIMARY KEY (`A`, `B`);

-- DropIndex
DROP INDEX `_AToB_AB_unique` ON `_AToB`;
