SET STATEMENT sql_mode = '' FOR UPDATE `T` SET `b` = CONCAT(`b`, ' and more of it, changed with settings of its own') WHERE `a` = 1;
SET STATEMENT sql_mode = '' FOR ALTER TABLE `T` ADD COLUMN `d` DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00';
UPDATE `T` SET `b` = 'after' WHERE `a` = 2;
