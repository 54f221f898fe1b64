CREATE TABLE t (id INT NOT NULL, v DECIMAL(10,2) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, 1.20 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, -99999999.99 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 0 FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
