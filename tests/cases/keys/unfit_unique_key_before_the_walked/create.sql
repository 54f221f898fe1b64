CREATE TABLE t (f FLOAT NOT NULL, m INT NOT NULL, v INT NULL, UNIQUE KEY unfit (f), UNIQUE KEY walked (m));

INSERT INTO t (f, m, v) SELECT n + 0.5, n, n FROM {rows 300};
