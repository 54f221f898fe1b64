CREATE TABLE t (id INT NOT NULL, v DOUBLE NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, 1.1e0 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, -0.5e0 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 1e30 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
