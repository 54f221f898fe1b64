CREATE FUNCTION `doubled`(`n` INT) RETURNS INT DETERMINISTIC RETURN `n` * 2;

CREATE VIEW `Doubled` AS SELECT `id`, `doubled`(`a`) AS `twice` FROM `T`;
