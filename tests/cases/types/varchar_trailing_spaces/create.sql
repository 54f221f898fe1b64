CREATE TABLE t (id INT NOT NULL, v VARCHAR(10) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 5 + 0, 'a' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 1, 'a   ' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 2, '   ' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 3, '' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 4, NULL FROM {rows 60};
