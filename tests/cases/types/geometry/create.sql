CREATE TABLE t (id INT NOT NULL, v GEOMETRY NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))') FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))') FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, ST_GeomFromText('MULTIPOINT(1 1,2 2)', 0) FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
