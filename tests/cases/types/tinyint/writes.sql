INSERT INTO t (id, v) VALUES (100000 + {n}, -128);

UPDATE t SET v = -128 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 127);

UPDATE t SET v = 127 WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 127);

INSERT INTO t (id, v) VALUES (100000 + {n}, 0);

UPDATE t SET v = 0 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
