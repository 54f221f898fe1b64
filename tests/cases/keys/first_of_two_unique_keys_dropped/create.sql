CREATE TABLE t (k INT NOT NULL, l VARCHAR(20) NOT NULL, m INT NOT NULL, v INT NULL, UNIQUE KEY pair (k, l), UNIQUE KEY narrow (m));

INSERT INTO t (k, l, m, v) SELECT n % 20, n DIV 20, n, n FROM {rows 300};
