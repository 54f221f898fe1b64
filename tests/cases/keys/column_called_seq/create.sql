CREATE TABLE t (seq INT NOT NULL, `new` INT NOT NULL, v INT NULL, PRIMARY KEY (seq, `new`));

INSERT INTO t SELECT n, n % 3, n FROM {rows 300};
