-- Keeps the values, which DROP and ADD would not.
ALTER TABLE `T` RENAME COLUMN `b` TO `title`;
