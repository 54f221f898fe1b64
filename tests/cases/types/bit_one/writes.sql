INSERT INTO t (id, v) VALUES (100000 + {n}, b'0');

UPDATE t SET v = b'0' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, b'1');

UPDATE t SET v = b'1' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, b'1');
