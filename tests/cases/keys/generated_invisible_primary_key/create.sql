SET SESSION sql_generate_invisible_primary_key = ON;

CREATE TABLE t (v INT NULL, w VARCHAR(9) NULL, KEY v (v));

INSERT INTO t (v, w) SELECT n, 'x' FROM {rows 300};
