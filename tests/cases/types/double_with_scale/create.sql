CREATE TABLE t (id INT NOT NULL, v DOUBLE(10, 3) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, -9999999.999 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 9999999.999 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 0.0005 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
