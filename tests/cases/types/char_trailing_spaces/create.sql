CREATE TABLE t (id INT NOT NULL, v CHAR(10) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 6 + 0, 'a' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 1, 'a   ' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 2, '   ' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 3, '' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 4, 'ä' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 5, NULL FROM {rows 50};
