SET NAMES utf8mb4;

CREATE TABLE t (id INT NOT NULL, v VARCHAR(50) CHARACTER SET utf8mb4 NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 5 + 0, '😀👩‍👩‍👧‍👦' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 1, 'e\u0301' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 2, _utf8mb4 X'F09F98800A00' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 3, '\\ \'\" % _' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 4, NULL FROM {rows 60};
