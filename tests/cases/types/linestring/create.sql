CREATE TABLE t (id INT NOT NULL, v LINESTRING NOT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, ST_GeomFromText('LINESTRING(0 0,1 1)') FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, ST_GeomFromText('LINESTRING(0 0,1 1,2 -2,0 0)') FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, ST_GeomFromText('LINESTRING(1e300 -1e300,0.1 0.1)') FROM {rows 100};
