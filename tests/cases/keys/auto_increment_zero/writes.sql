INSERT INTO t (v) VALUES ({n});

REPLACE INTO t (id, v) VALUES (0, {n});

DELETE FROM t WHERE id = {1..300};

UPDATE t SET v = {n} WHERE id = {0..5};
