CREATE TABLE t (id INT NOT NULL, v BIT(8) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, b'101' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, b'0' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
