INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))'));

UPDATE t SET v = ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))') WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, ST_GeomFromText('MULTILINESTRING((0 0,1 1))'));

UPDATE t SET v = ST_GeomFromText('MULTILINESTRING((0 0,1 1))') WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, ST_GeomFromText('MULTILINESTRING((0 0,1 1))'));

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
