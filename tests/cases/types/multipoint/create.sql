CREATE TABLE t (id INT NOT NULL, v MULTIPOINT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, ST_GeomFromText('MULTIPOINT(1 1,2 2)') FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, ST_GeomFromText('MULTIPOINT(0 0)') FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
