CREATE TABLE t (id INT NOT NULL, v VECTOR(3) NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, TO_VECTOR('[1,-2.5,3e10]') FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, TO_VECTOR('[0,0,0]') FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
