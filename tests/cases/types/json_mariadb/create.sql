CREATE TABLE t (id INT NOT NULL, v JSON NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 6 + 0, '{"b": 1, "a": [1, 2.50, null, "x"]}' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 1, '[]' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 2, 'null' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 3, '{"a":1,"a":2}' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 4, '1.0' FROM {rows 50};

INSERT INTO t (id, v) SELECT n * 6 + 5, NULL FROM {rows 50};
