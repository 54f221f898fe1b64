UPDATE t SET a = {n} WHERE id = {1..300};

UPDATE t SET v = {n} WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, v, a) VALUES (1000 + {n}, 1, 2);
