CREATE TABLE t (id INT NOT NULL, v TIME NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, '-838:59:59' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, '10:00:00' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
