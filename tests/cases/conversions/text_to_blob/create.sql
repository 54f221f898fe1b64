CREATE TABLE t (id INT NOT NULL, v TEXT CHARACTER SET latin1 NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, 'a  ' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, _latin1 X'E4' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, '' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
