INSERT INTO t (id, v) VALUES (100000 + {n}, 'red');

UPDATE t SET v = 'red' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 'green');

UPDATE t SET v = 'green' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 'green');

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
