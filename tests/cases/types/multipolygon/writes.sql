INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('MULTIPOLYGON(((0 0,4 0,4 4,0 0)),((5 5,6 5,6 6,5 5)))'));

UPDATE t SET v = ST_GeomFromText('MULTIPOLYGON(((0 0,4 0,4 4,0 0)),((5 5,6 5,6 6,5 5)))') WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('MULTIPOLYGON(((0 0,4 0,4 4,0 0)))'));

UPDATE t SET v = ST_GeomFromText('MULTIPOLYGON(((0 0,4 0,4 4,0 0)))') WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, ST_GeomFromText('MULTIPOLYGON(((0 0,4 0,4 4,0 0)))'));

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
