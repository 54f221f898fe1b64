CREATE PROCEDURE `fill`(IN `how_many` INT)
BEGIN
    DECLARE `i` INT DEFAULT 0;
    WHILE `i` < `how_many` DO
        INSERT INTO `T` (`a`, `b`) VALUES (100 + `i`, 'filled; really');
        SET `i` = `i` + 1;
    END WHILE;
END;

CALL `fill`(3);

DROP PROCEDURE `fill`;
