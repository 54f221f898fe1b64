INSERT INTO t (id, v) VALUES (100000 + {n}, 'v63');

UPDATE t SET v = 'v63' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 'v0,v63');

UPDATE t SET v = 'v0,v63' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 'v0,v63');

INSERT INTO t (id, v) VALUES (100000 + {n}, 18446744073709551615);

UPDATE t SET v = 18446744073709551615 WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '');

UPDATE t SET v = '' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '');
