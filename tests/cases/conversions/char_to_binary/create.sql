CREATE TABLE t (id INT NOT NULL, v CHAR(4) CHARACTER SET latin1 NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, 'abcd' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 'a' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, '' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
