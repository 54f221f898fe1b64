CREATE TABLE `T` (`id` INTEGER NOT NULL AUTO_INCREMENT, `e` VARCHAR(50) NOT NULL, PRIMARY KEY (`id`)) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
INSERT INTO `T` (`e`) VALUES ('a'), ('b'), ('a'), ('c'), ('b');
