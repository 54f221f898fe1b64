CREATE TABLE t (id INT NOT NULL, v VARCHAR(50) CHARACTER SET latin1 NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, _latin1 X'E4F6FC80' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 'plain' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, '' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
