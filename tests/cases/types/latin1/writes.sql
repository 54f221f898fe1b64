INSERT INTO t (id, v) VALUES (100000 + {n}, _latin1 X'E4F6FC80');

UPDATE t SET v = _latin1 X'E4F6FC80' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 'plain');

UPDATE t SET v = 'plain' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 'plain');

INSERT INTO t (id, v) VALUES (100000 + {n}, '');

UPDATE t SET v = '' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
