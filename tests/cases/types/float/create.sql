CREATE TABLE t (id INT NOT NULL, v FLOAT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 6 + 0, -0.0e0 FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 1, 1.1 FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 2, 3.402823e38 FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 3, 1.17549e-38 FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 4, 16777217 FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 5, NULL FROM {rows 50};
