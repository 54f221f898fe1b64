CREATE TABLE t (id INT NOT NULL, v SMALLINT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, -32768 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 32767 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 0 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
