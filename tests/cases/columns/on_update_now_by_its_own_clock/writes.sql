SET SESSION timestamp = 1700000000 + {n};
UPDATE t SET v = {n} WHERE id = {1..300};

SET SESSION timestamp = 1700000000.25 + {n};
INSERT INTO t (id, v) VALUES (1000 + {n}, {n});

DELETE FROM t WHERE id = {1..300};
