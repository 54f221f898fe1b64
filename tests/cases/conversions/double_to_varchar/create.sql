CREATE TABLE t (id INT NOT NULL, v DOUBLE NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 5 + 0, 1.25e0 FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 1, 0.1e0 + 0.2e0 FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 2, 1e300 FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 3, -0.0e0 FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 4, NULL FROM {rows 60};
