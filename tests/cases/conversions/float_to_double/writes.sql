INSERT INTO t (id, v) VALUES (100000 + {n}, 1.1);

UPDATE t SET v = 1.1 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, -0.5);

UPDATE t SET v = -0.5 WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, -0.5);

INSERT INTO t (id, v) VALUES (100000 + {n}, 16777217);

UPDATE t SET v = 16777217 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 3.4e38);

UPDATE t SET v = 3.4e38 WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 3.4e38);

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
