-- AlterTable
ALTER TABLE `T` ADD COLUMN `slug` VARCHAR(191) NULL;

-- Every row needs one before it can be required.
UPDATE `T` SET `slug` = CONCAT('row-', `id`, COALESCE(CONCAT('-', LOWER(`b`)), ''));

-- AlterTable
ALTER TABLE `T` MODIFY `slug` VARCHAR(191) NOT NULL;

-- CreateIndex
CREATE UNIQUE INDEX `T_slug_key` ON `T`(`slug`);
