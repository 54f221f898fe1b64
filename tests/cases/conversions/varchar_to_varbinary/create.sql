SET NAMES utf8mb4;

CREATE TABLE t (id INT NOT NULL, v VARCHAR(20) CHARACTER SET utf8mb4 NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, 'a' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 'ä ' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, '' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
