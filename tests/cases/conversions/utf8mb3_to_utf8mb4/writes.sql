INSERT INTO t (id, v) VALUES (100000 + {n}, _utf8mb3 X'C3A4');

UPDATE t SET v = _utf8mb3 X'C3A4' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 'plain ');

UPDATE t SET v = 'plain ' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 'plain ');

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
