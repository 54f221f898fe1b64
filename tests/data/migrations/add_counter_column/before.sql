CREATE TABLE `T` (`code` VARCHAR(20) NOT NULL, UNIQUE INDEX `T_code_key`(`code`)) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
INSERT INTO `T` VALUES ('b'), ('a'), ('c');
