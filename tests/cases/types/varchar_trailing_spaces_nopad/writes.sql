INSERT INTO t (id, v) VALUES (100000 + {n}, 'a');

UPDATE t SET v = 'a' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 'a   ');

UPDATE t SET v = 'a   ' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 'a   ');

INSERT INTO t (id, v) VALUES (100000 + {n}, '   ');

UPDATE t SET v = '   ' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '');

UPDATE t SET v = '' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '');

INSERT INTO t (id, v) VALUES (100000 + {n}, CONCAT('a', CHAR(9)));

UPDATE t SET v = CONCAT('a', CHAR(9)) WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
