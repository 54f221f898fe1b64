CREATE TABLE t (id INT NOT NULL, v INT NULL, u INT NULL, PRIMARY KEY (id), UNIQUE KEY u (u));

INSERT INTO t (id, v, u) SELECT n, n, IF(n % 2, NULL, n) FROM {rows 300};
