ALTER TABLE `B` ADD COLUMN `aName` VARCHAR(191) NULL;
UPDATE `B` JOIN `A` ON `A`.`id` = `B`.`aId` SET `B`.`aName` = `A`.`name`;
ALTER TABLE `A` DROP COLUMN `name`;
