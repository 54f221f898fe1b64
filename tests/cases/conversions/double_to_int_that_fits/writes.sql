INSERT INTO t (id, v) VALUES (100000 + {n}, 1e0);

UPDATE t SET v = 1e0 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, -5e5);

UPDATE t SET v = -5e5 WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, -5e5);

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
