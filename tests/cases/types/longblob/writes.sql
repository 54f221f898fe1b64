INSERT INTO t (id, v) VALUES (100000 + {n}, REPEAT(X'FE', 60000));

UPDATE t SET v = REPEAT(X'FE', 60000) WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, X'');

UPDATE t SET v = X'' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, X'');

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
