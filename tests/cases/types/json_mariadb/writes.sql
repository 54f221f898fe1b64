INSERT INTO t (id, v) VALUES (100000 + {n}, '{"b": 1, "a": [1, 2.50, null, "x"]}');

UPDATE t SET v = '{"b": 1, "a": [1, 2.50, null, "x"]}' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '[]');

UPDATE t SET v = '[]' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '[]');

INSERT INTO t (id, v) VALUES (100000 + {n}, 'null');

UPDATE t SET v = 'null' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '{"a":1,"a":2}');

UPDATE t SET v = '{"a":1,"a":2}' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '{"a":1,"a":2}');

INSERT INTO t (id, v) VALUES (100000 + {n}, '1.0');

UPDATE t SET v = '1.0' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
