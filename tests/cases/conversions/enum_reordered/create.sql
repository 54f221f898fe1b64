CREATE TABLE t (id INT NOT NULL, v ENUM('a','b','c') NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, 'a' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, 'b' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 'c' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
