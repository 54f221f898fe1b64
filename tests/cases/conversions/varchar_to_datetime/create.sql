CREATE TABLE t (id INT NOT NULL, v VARCHAR(30) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, '2024-01-01 10:00:00' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, '2024-01-01 10:00:00.5' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, '2024-01-01' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
