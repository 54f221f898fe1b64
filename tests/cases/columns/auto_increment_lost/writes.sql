UPDATE t SET v = {n} WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, v) VALUES (9000 + {n}, 1);
