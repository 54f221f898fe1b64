CREATE TABLE t (id INT NOT NULL, v INET4 NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 3 + 0, '0.0.0.0' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 1, '255.255.255.255' FROM {rows 100};

INSERT INTO t (id, v) SELECT n * 3 + 2, NULL FROM {rows 100};
