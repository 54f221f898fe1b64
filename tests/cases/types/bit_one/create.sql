CREATE TABLE t (id INT NOT NULL, v BIT(1) NOT NULL DEFAULT b'1', PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 2 + 0, b'0' FROM {rows 150};

INSERT INTO t (id, v) SELECT n * 2 + 1, b'1' FROM {rows 150};
