SET SESSION sql_mode = '';

CREATE TABLE t (id INT NOT NULL, v ENUM('a','b','','ü') NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 5 + 0, 'a' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 1, '' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 2, 'ü' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 3, 0 FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 4, NULL FROM {rows 60};
