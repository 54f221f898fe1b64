CREATE TABLE t (id INT NOT NULL, v VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, 'a' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 'A' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 'a ' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
