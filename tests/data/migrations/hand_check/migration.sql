ALTER TABLE `T` ADD CONSTRAINT `T_a_positive` CHECK (`a` > 0);
