CREATE TABLE t (id INT NOT NULL, v TINYBLOB NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, REPEAT(X'FF', 255) FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, '' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, X'00' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
