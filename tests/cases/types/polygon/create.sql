CREATE TABLE t (id INT NOT NULL, v POLYGON NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))') FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))') FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
