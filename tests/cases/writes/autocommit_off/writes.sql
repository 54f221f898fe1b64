UPDATE t SET v = {n} WHERE id = {1..400};
COMMIT;

INSERT INTO t (id, v, s) VALUES (1000 + {n}, 1, 'a');
DELETE FROM t WHERE id = {1..400};
COMMIT;

DELETE FROM t WHERE id = {1..400};
ROLLBACK;
