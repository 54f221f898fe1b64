INSERT INTO t (id, v) VALUES (100000 + {n}, '::1');

UPDATE t SET v = '::1' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '2001:db8::ff00:42:8329');

UPDATE t SET v = '2001:db8::ff00:42:8329' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '2001:db8::ff00:42:8329');

INSERT INTO t (id, v) VALUES (100000 + {n}, '::ffff:192.0.2.1');

UPDATE t SET v = '::ffff:192.0.2.1' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
