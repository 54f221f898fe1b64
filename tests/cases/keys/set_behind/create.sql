CREATE TABLE t (a INT NOT NULL, b SET('p','q','r') NOT NULL, v INT NULL, PRIMARY KEY (a, b));

INSERT INTO t (a, b, v) SELECT n DIV 8, n % 8, n FROM {rows 400};
