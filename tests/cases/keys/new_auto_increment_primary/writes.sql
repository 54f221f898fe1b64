UPDATE t SET v = {n} WHERE u = {1..300};

DELETE FROM t WHERE u = {1..300};

INSERT INTO t (u, v) VALUES (1000 + {n}, 1);
