INSERT INTO t (id, v) VALUES (100000 + {n}, 1.1e0);

UPDATE t SET v = 1.1e0 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, -0.5e0);

UPDATE t SET v = -0.5e0 WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, -0.5e0);

INSERT INTO t (id, v) VALUES (100000 + {n}, 1e30);

UPDATE t SET v = 1e30 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
