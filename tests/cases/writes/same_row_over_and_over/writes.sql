UPDATE t SET v = v + 1 WHERE id = 7;

UPDATE t SET v = v - 1, s = {n} WHERE id = 7;

DELETE FROM t WHERE id = 8;

REPLACE INTO t (id, v, s) VALUES (8, {n}, 'x');
