INSERT INTO t (id, n) VALUES (1000 + {n}, {n});

UPDATE t SET n = n + 1 WHERE id = {1..500};

DELETE FROM t WHERE id = {1..500};
