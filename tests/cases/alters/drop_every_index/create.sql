CREATE TABLE t (id INT NOT NULL, v INT NULL, a INT NULL, b VARCHAR(30) NULL, PRIMARY KEY (id), KEY k (a), KEY l (b));

INSERT INTO t (id, v, a, b) SELECT n, n, n % 7, CONCAT('b', n) FROM {rows 300};
