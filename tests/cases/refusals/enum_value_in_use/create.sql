CREATE TABLE t (id INT NOT NULL, v ENUM('a','b','c') NULL, PRIMARY KEY (id));

INSERT INTO t SELECT n, IF(n = 7, 'c', 'a') FROM {rows 100};
