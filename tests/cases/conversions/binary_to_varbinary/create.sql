CREATE TABLE t (id INT NOT NULL, v BINARY(6) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, 'a' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, X'00' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
