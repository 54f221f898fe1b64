INSERT INTO t (id, v) VALUES (100000 + {n}, '{"b": 1, "a": [1, 2.50, null, "x"]}');

UPDATE t SET v = '{"b": 1, "a": [1, 2.50, null, "x"]}' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '[]');

UPDATE t SET v = '[]' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '[]');

INSERT INTO t (id, v) VALUES (100000 + {n}, 'null');

UPDATE t SET v = 'null' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, JSON_OBJECT('d', CAST('2024-01-01 00:00:00.000001' AS DATETIME(6))));

UPDATE t SET v = JSON_OBJECT('d', CAST('2024-01-01 00:00:00.000001' AS DATETIME(6))) WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, JSON_OBJECT('d', CAST('2024-01-01 00:00:00.000001' AS DATETIME(6))));

INSERT INTO t (id, v) VALUES (100000 + {n}, CAST(18446744073709551615 AS JSON));

UPDATE t SET v = CAST(18446744073709551615 AS JSON) WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '1.0');

UPDATE t SET v = '1.0' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '1.0');

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
