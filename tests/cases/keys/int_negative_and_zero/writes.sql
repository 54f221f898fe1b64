UPDATE t SET v = {n} WHERE id = {-150..150};

DELETE FROM t WHERE id = {-150..150};

INSERT INTO t (id, v) VALUES (1000 + {n}, 1), (-1000 - {n}, 2);

UPDATE IGNORE t SET id = -5000 - id WHERE id = {1..150};
