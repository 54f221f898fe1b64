CREATE TABLE t (id INT NOT NULL, v DOUBLE NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, 1e0 FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, -5e5 FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
