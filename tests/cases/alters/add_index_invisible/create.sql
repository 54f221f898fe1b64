CREATE TABLE t (id INT NOT NULL, v INT NULL, a INT NULL, b VARCHAR(30) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v, a, b) SELECT n, n, n % 7, CONCAT('b', n) FROM {rows 300};
