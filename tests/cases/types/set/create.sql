CREATE TABLE t (id INT NOT NULL, v SET('x','y','z') NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 5 + 0, 'x,z' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 1, '' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 2, 'x,y,z' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 3, 4 FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 4, NULL FROM {rows 60};
