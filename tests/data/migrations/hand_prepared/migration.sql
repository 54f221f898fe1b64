SET @sql = 'UPDATE `T` SET `a` = ? WHERE `id` = 1';
PREPARE `change` FROM @sql;
SET @value = 99;
EXECUTE `change` USING @value;
DEALLOCATE PREPARE `change`;
