CREATE TABLE t (id INT NOT NULL, v VARCHAR(20) CHARACTER SET latin1 NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, _latin1 X'E4' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, _latin1 X'80' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 'plain ' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
