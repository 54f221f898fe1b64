INSERT INTO t (id, v) VALUES (100000 + {n}, '-838:59:59');

UPDATE t SET v = '-838:59:59' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '10:00:00');

UPDATE t SET v = '10:00:00' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '10:00:00');

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
