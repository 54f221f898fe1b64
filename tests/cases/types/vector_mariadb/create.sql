CREATE TABLE t (id INT NOT NULL, v VECTOR(3) NOT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 2 + 0, VEC_FromText('[1,-2.5,3e10]') FROM {rows 150};

INSERT INTO t (id, v) SELECT n * 2 + 1, VEC_FromText('[0,0,0]') FROM {rows 150};
