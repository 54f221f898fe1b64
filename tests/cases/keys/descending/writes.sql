UPDATE t SET v = {n} WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, v) VALUES (1000 + {n}, 1);

REPLACE INTO t (id, v) VALUES ({1..300}, {n});
