CREATE TABLE t (id INT NOT NULL, v POINT NOT NULL SRID 4326, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 2 + 0, ST_GeomFromText('POINT(1 -1)', 4326) FROM {rows 150};

INSERT INTO t (id, v) SELECT n * 2 + 1, ST_GeomFromText('POINT(89 179)', 4326) FROM {rows 150};
