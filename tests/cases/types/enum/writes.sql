INSERT INTO t (id, v) VALUES (100000 + {n}, 'a');

UPDATE t SET v = 'a' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '');

UPDATE t SET v = '' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '');

INSERT INTO t (id, v) VALUES (100000 + {n}, 'ü');

UPDATE t SET v = 'ü' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 0);

UPDATE t SET v = 0 WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 0);

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
