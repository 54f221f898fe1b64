INSERT INTO t (id, v) VALUES (100000 + {n}, 'a');

UPDATE t SET v = 'a' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 'b');

UPDATE t SET v = 'b' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 'b');

INSERT INTO t (id, v) VALUES (100000 + {n}, 'c');

UPDATE t SET v = 'c' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
