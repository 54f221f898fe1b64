CREATE TABLE t (id INT NOT NULL, v JSON NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, '{"b":1,  "a":2}' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, '[1,2 ]' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
