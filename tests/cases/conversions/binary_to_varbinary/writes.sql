INSERT INTO t (id, v) VALUES (100000 + {n}, 'a');

UPDATE t SET v = 'a' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, X'00');

UPDATE t SET v = X'00' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, X'00');

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
