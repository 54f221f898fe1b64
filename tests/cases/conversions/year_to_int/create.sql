CREATE TABLE t (id INT NOT NULL, v YEAR NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, 1999 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 0 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 2155 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
