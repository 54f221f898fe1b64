SET @greatest = (SELECT MAX(`a`) FROM `T`);
ALTER TABLE `T` MODIFY `a` BIGINT NOT NULL;
INSERT INTO `T` (`a`, `b`) VALUES (@greatest + 1, 'next');
