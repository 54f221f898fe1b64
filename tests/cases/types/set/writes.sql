INSERT INTO t (id, v) VALUES (100000 + {n}, 'x,z');

UPDATE t SET v = 'x,z' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '');

UPDATE t SET v = '' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '');

INSERT INTO t (id, v) VALUES (100000 + {n}, 'x,y,z');

UPDATE t SET v = 'x,y,z' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 4);

UPDATE t SET v = 4 WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 4);

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
