CREATE TABLE t (id INT NOT NULL, v MULTIPOLYGON NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, ST_GeomFromText('MULTIPOLYGON(((0 0,4 0,4 4,0 0)),((5 5,6 5,6 6,5 5)))') FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, ST_GeomFromText('MULTIPOLYGON(((0 0,4 0,4 4,0 0)))') FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
