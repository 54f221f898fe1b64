UPDATE t SET a = {n} WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, a) VALUES (1000 + {n}, 2);
