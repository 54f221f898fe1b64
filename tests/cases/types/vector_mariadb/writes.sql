INSERT INTO t (id, v) VALUES (100000 + {n}, VEC_FromText('[1,-2.5,3e10]'));

UPDATE t SET v = VEC_FromText('[1,-2.5,3e10]') WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, VEC_FromText('[0,0,0]'));

UPDATE t SET v = VEC_FromText('[0,0,0]') WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, VEC_FromText('[0,0,0]'));
