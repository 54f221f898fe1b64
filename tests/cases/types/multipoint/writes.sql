INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('MULTIPOINT(1 1,2 2)'));

UPDATE t SET v = ST_GeomFromText('MULTIPOINT(1 1,2 2)') WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('MULTIPOINT(0 0)'));

UPDATE t SET v = ST_GeomFromText('MULTIPOINT(0 0)') WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, ST_GeomFromText('MULTIPOINT(0 0)'));

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
