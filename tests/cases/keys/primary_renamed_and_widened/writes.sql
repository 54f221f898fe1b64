UPDATE t SET v = {n} WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, v) VALUES (1000 + {n}, {n});

UPDATE IGNORE t SET id = id + 30000 WHERE id = {1..300};

REPLACE INTO t (id, v) VALUES ({1..300}, {n});
