INSERT INTO t (id, v) VALUES (100000 + {n}, 'NaN');

UPDATE t SET v = 'NaN' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '-Infinity');

UPDATE t SET v = '-Infinity' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '-Infinity');

INSERT INTO t (id, v) VALUES (100000 + {n}, '-0');

UPDATE t SET v = '-0' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '1e5');

UPDATE t SET v = '1e5' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '1e5');

INSERT INTO t (id, v) VALUES (100000 + {n}, '0x10');

UPDATE t SET v = '0x10' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 'NULL');

UPDATE t SET v = 'NULL' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 'NULL');

INSERT INTO t (id, v) VALUES (100000 + {n}, '');

UPDATE t SET v = '' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '\\N');

UPDATE t SET v = '\\N' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '\\N');

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
