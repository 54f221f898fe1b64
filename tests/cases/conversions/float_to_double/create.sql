CREATE TABLE t (id INT NOT NULL, v FLOAT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 5 + 0, 1.1 FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 1, -0.5 FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 2, 16777217 FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 3, 3.4e38 FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 4, NULL FROM {rows 60};
