INSERT INTO t (id, v) VALUES (100000 + {n}, TO_VECTOR('[1,-2.5,3e10]'));

UPDATE t SET v = TO_VECTOR('[1,-2.5,3e10]') WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, TO_VECTOR('[0,0,0]'));

UPDATE t SET v = TO_VECTOR('[0,0,0]') WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, TO_VECTOR('[0,0,0]'));

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
