INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('LINESTRING(0 0,1 1)'));

UPDATE t SET v = ST_GeomFromText('LINESTRING(0 0,1 1)') WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('LINESTRING(0 0,1 1,2 -2,0 0)'));

UPDATE t SET v = ST_GeomFromText('LINESTRING(0 0,1 1,2 -2,0 0)') WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, ST_GeomFromText('LINESTRING(0 0,1 1,2 -2,0 0)'));

INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('LINESTRING(1e300 -1e300,0.1 0.1)'));

UPDATE t SET v = ST_GeomFromText('LINESTRING(1e300 -1e300,0.1 0.1)') WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
