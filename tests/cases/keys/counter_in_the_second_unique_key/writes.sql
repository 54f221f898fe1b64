UPDATE t SET v = {n} WHERE id = CONCAT('id ', {1..300});

DELETE FROM t WHERE id = CONCAT('id ', {1..300});

INSERT INTO t (id, mail, seq, v) VALUES (CONCAT('new ', {n}), CONCAT('mail ', {1..300}), {1..300}, {n}) ON DUPLICATE KEY UPDATE v = VALUES(v) + 1;

REPLACE INTO t (id, mail, seq, v) VALUES (CONCAT('id ', {1..300}), CONCAT('mail ', {1..300}), {1..300}, {n});

UPDATE IGNORE t SET mail = CONCAT('mail ', {1..600}) WHERE id = CONCAT('id ', {1..300});
