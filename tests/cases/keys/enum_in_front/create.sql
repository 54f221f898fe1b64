CREATE TABLE t (a ENUM('z','y','x','w') NOT NULL, b INT NOT NULL, v INT NULL, PRIMARY KEY (a, b));

INSERT INTO t (a, b, v) SELECT n % 4 + 1, n DIV 4, n FROM {rows 400};
