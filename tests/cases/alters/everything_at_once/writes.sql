UPDATE t SET v = {n}, b = 'x' WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, v, b) VALUES (1000 + {n}, 5, 'i');
