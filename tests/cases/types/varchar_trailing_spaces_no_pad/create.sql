CREATE TABLE t (id INT NOT NULL, v VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 6 + 0, 'a' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 1, 'a   ' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 2, '   ' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 3, '' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 4, CONCAT('a', CHAR(9)) FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 5, NULL FROM {rows 50};
