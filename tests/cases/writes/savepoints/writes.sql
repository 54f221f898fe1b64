START TRANSACTION;
UPDATE t SET v = 1 WHERE id = {1..400};
SAVEPOINT a;
DELETE FROM t WHERE id = {1..400};
INSERT INTO t (id, v, s) VALUES (1000 + {n}, 1, 'gone');
ROLLBACK TO a;
INSERT INTO t (id, v, s) VALUES (1000 + {n}, 2, 'kept');
COMMIT;

DELETE FROM t WHERE id = {1..400};
