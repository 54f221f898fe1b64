CREATE TABLE t (id INT NOT NULL, v POINT NOT NULL SRID 0, SPATIAL INDEX sp (v), PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 2 + 0, ST_GeomFromText('POINT(1 -1)') FROM {rows 150};

INSERT INTO t (id, v) SELECT n * 2 + 1, ST_GeomFromText('POINT(5 5)') FROM {rows 150};
