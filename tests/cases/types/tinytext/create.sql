CREATE TABLE t (id INT NOT NULL, v TINYTEXT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, REPEAT('x', 255) FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, '' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
