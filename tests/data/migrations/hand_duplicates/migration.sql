DELETE `x` FROM `T` `x` JOIN `T` `y` ON `x`.`e` = `y`.`e` AND `x`.`id` > `y`.`id`;
CREATE UNIQUE INDEX `T_e_key` ON `T`(`e`);
