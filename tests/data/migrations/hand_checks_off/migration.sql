SET foreign_key_checks = 0;
ALTER TABLE `B` DROP FOREIGN KEY `B_aId_fkey`;
ALTER TABLE `B` MODIFY `aId` BIGINT NULL;
SET foreign_key_checks = 1;
