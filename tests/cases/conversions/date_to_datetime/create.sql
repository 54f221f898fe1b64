CREATE TABLE t (id INT NOT NULL, v DATE NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, '2024-01-01' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, '9999-12-31' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
