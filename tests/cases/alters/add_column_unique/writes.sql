UPDATE t SET a = {n}, b = CONCAT('u', {n}) WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, v, a, b) VALUES (1000 + {n}, 1, 2, 'i');

REPLACE INTO t (id, v, a, b) VALUES ({1..300}, {n}, 3, NULL);
