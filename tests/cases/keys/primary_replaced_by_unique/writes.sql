UPDATE t SET v = {n} WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, u, v) VALUES (10000 + {n}, 10000 + {n}, {n});

UPDATE IGNORE t SET u = u + 1 WHERE id = {1..300};

REPLACE INTO t (id, u, v) VALUES ({1..300}, {1..300} + 4700, {n});
