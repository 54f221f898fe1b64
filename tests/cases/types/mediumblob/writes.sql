INSERT INTO t (id, v) VALUES (100000 + {n}, REPEAT(X'00FF', 40000));

UPDATE t SET v = REPEAT(X'00FF', 40000) WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '');

UPDATE t SET v = '' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '');

INSERT INTO t (id, v) VALUES (100000 + {n}, X'C328');

UPDATE t SET v = X'C328' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
