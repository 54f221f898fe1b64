CREATE TABLE t (id INT NOT NULL, v VARCHAR(20) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, 'red' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 'green' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 'RED' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
