INSERT INTO t (id, v) VALUES (100000 + {n}, REPEAT(X'FF', 255));

UPDATE t SET v = REPEAT(X'FF', 255) WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '');

UPDATE t SET v = '' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '');

INSERT INTO t (id, v) VALUES (100000 + {n}, X'00');

UPDATE t SET v = X'00' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
