CREATE TABLE t (id INT NOT NULL, v VARCHAR(20) NULL, PRIMARY KEY (id));

INSERT INTO t SELECT n, IF(n IN (7, 90), 'far too long', 'a') FROM {rows 100};
