INSERT INTO t (id, v) VALUES (100000 + {n}, _latin1 X'E4');

UPDATE t SET v = _latin1 X'E4' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, _latin1 X'80');

UPDATE t SET v = _latin1 X'80' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, _latin1 X'80');

INSERT INTO t (id, v) VALUES (100000 + {n}, 'plain ');

UPDATE t SET v = 'plain ' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
