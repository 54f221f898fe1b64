INSERT INTO t (id, v) VALUES (100000 + {n}, 1999);

UPDATE t SET v = 1999 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 0);

UPDATE t SET v = 0 WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 0);

INSERT INTO t (id, v) VALUES (100000 + {n}, 2155);

UPDATE t SET v = 2155 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
