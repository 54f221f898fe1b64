CREATE TABLE t (id INT NOT NULL, v INT NULL, g INT AS (v * 2) STORED, PRIMARY KEY (id), KEY g (g)) ;

INSERT INTO t (id, v) SELECT n, n FROM {rows 300};
