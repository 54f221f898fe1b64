CREATE TABLE t (id INT NOT NULL, v GEOMETRY NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 2 + 0, ST_GeomFromText('POINT(1 2)') FROM {rows 150};

INSERT INTO t (id, v) SELECT n * 2 + 1, NULL FROM {rows 150};
