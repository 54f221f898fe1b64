INSERT INTO t (id, v) VALUES (100000 + {n}, 1.25e0);

UPDATE t SET v = 1.25e0 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 0.1e0 + 0.2e0);

UPDATE t SET v = 0.1e0 + 0.2e0 WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 0.1e0 + 0.2e0);

INSERT INTO t (id, v) VALUES (100000 + {n}, 1e300);

UPDATE t SET v = 1e300 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, -0.0e0);

UPDATE t SET v = -0.0e0 WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, -0.0e0);

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
