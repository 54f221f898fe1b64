CREATE TABLE t (id INT NOT NULL, v VARCHAR(20) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, '5' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, '-12' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, '007' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
