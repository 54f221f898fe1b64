CREATE TRIGGER `T_log` AFTER UPDATE ON `T` FOR EACH ROW
BEGIN
    DECLARE `message` TEXT;
    -- A ; in a comment, and an IF that has an END of its own.
    IF NEW.`a` <> OLD.`a` THEN
        SET `message` = CONCAT('a: ', OLD.`a`, ';', NEW.`a`);
        INSERT INTO `Log` (`what`) VALUES (`message`);
    END IF;
END;

UPDATE `T` SET `a` = `a` + 1;
