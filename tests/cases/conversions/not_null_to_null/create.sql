CREATE TABLE t (id INT NOT NULL, v VARCHAR(9) NOT NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 2 + 0, 'a' FROM {rows 150};

INSERT INTO t (id, v) SELECT n * 2 + 1, '' FROM {rows 150};
