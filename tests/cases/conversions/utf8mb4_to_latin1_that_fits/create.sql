CREATE TABLE t (id INT NOT NULL, v VARCHAR(20) CHARACTER SET utf8mb4 NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, _utf8mb4 X'C3A4' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, 'plain ' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
