CREATE TABLE t (id INT NOT NULL, v TIME(6) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 5 + 0, '-838:59:59' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 1, '838:59:59' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 2, '-00:00:00.000001' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 3, '23:59:59.999999' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 4, NULL FROM {rows 60};
