INSERT INTO t (id, v) VALUES (100000 + {n}, '{"b":1,  "a":2}');

UPDATE t SET v = '{"b":1,  "a":2}' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '[1,2 ]');

UPDATE t SET v = '[1,2 ]' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '[1,2 ]');

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
