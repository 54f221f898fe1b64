CREATE TABLE t (a INT NOT NULL, b ENUM('z','y','x','w') NOT NULL, v INT NULL, PRIMARY KEY (a, b));

INSERT INTO t (a, b, v) SELECT n DIV 4, n % 4 + 1, n FROM {rows 400};
