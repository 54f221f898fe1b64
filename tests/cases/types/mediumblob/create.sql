CREATE TABLE t (id INT NOT NULL, v MEDIUMBLOB NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, REPEAT(X'00FF', 40000) FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, '' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, X'C328' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
