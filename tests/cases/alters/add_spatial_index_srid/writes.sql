UPDATE t SET p = ST_GeomFromText('POINT({1..90} {1..90})', 0) WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, v, p) VALUES (1000 + {n}, {n}, ST_GeomFromText('POINT(1 {1..90})', 0));

REPLACE INTO t (id, v, p) VALUES ({1..300}, {n}, ST_GeomFromText('POINT({1..90} 2)', 0));
