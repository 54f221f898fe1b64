CREATE TABLE t (id INT NOT NULL, v VARCHAR(20) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 9 + 0, 'NaN' FROM {rows 33};

INSERT INTO t (id, v) SELECT n * 9 + 1, '-Infinity' FROM {rows 33};

INSERT INTO t (id, v) SELECT n * 9 + 2, '-0' FROM {rows 33};

INSERT INTO t (id, v) SELECT n * 9 + 3, '1e5' FROM {rows 33};

INSERT INTO t (id, v) SELECT n * 9 + 4, '0x10' FROM {rows 33};

INSERT INTO t (id, v) SELECT n * 9 + 5, 'NULL' FROM {rows 33};

INSERT INTO t (id, v) SELECT n * 9 + 6, '' FROM {rows 33};

INSERT INTO t (id, v) SELECT n * 9 + 7, '\\N' FROM {rows 33};

INSERT INTO t (id, v) SELECT n * 9 + 8, NULL FROM {rows 33};
