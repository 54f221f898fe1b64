-- AlterTable
ALTER TABLE `T` MODIFY `b` mediumtext NULL;
