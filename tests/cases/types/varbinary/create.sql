CREATE TABLE t (id INT NOT NULL, v VARBINARY(16) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 5 + 0, X'00' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 1, X'0000' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 2, X'' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 3, 'a ' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 4, NULL FROM {rows 60};
