CREATE TABLE t (id INT NOT NULL, v INET6 NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, '::1' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, '2001:db8::ff00:42:8329' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, '::ffff:192.0.2.1' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
