CREATE TABLE t (id INT NOT NULL, v TEXT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, REPEAT('x', 900) FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, '' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
