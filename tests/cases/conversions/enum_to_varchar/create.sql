CREATE TABLE t (id INT NOT NULL, v ENUM('red','green') NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, 'red' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, 'green' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
