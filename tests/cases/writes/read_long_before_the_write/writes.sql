-- held
START TRANSACTION;
SELECT SUM(v) FROM t WHERE id > 350;
DO SLEEP(0.3);
UPDATE t SET v = {n} WHERE id = {351..400};
DELETE FROM t WHERE id = {351..400};
INSERT INTO t (id, v, s) VALUES (900000 + {n}, 1, 'late');
COMMIT;

UPDATE t SET v = {n} WHERE id = {1..350};

DELETE FROM t WHERE id = {1..350};

INSERT INTO t (id, v, s) VALUES (1000 + {n}, 1, 'n');
