INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('POINT(1 -1)', 4326));

UPDATE t SET v = ST_GeomFromText('POINT(1 -1)', 4326) WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('POINT(89 179)', 4326));

UPDATE t SET v = ST_GeomFromText('POINT(89 179)', 4326) WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, ST_GeomFromText('POINT(89 179)', 4326));
