CREATE TABLE t (id INT NOT NULL, v BIT(64) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, b'0' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, b'1' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 0xFFFFFFFFFFFFFFFF FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
