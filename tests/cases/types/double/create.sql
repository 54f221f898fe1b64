CREATE TABLE t (id INT NOT NULL, v DOUBLE NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 6 + 0, -0.0e0 FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 1, 0.1e0 + 0.2e0 FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 2, 1.7976931348623157e308 FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 3, 2.2250738585072014e-308 FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 4, 4.9e-324 FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 5, NULL FROM {rows 50};
