CREATE TABLE t (id INT NOT NULL, v INT NULL, p POINT NOT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v, p) SELECT n, n, ST_GeomFromText(CONCAT('POINT(', n % 90, ' ', n % 80, ')')) FROM {rows 300};
