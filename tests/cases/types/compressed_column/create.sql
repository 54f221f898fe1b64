CREATE TABLE t (id INT NOT NULL, v TEXT COMPRESSED NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, REPEAT('x', 2000) FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, '' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 's' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
