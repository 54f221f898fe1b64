INSERT INTO t (v) VALUES ({n});

UPDATE t SET v = {n} WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};
