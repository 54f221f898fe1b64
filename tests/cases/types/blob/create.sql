CREATE TABLE t (id INT NOT NULL, v BLOB NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, X'00FF00FF' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, REPEAT(X'00', 3000) FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, X'' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
