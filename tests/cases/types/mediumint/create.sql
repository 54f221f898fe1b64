CREATE TABLE t (id INT NOT NULL, v MEDIUMINT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, -8388608 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 8388607 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, -1 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
