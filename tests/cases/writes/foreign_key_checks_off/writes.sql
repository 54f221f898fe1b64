UPDATE t SET v = {n} WHERE id = {1..400};

DELETE FROM t WHERE id = {1..400};

INSERT INTO t (id, v, s) VALUES (1000 + {n}, 1, 'n');
