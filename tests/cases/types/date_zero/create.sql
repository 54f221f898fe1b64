SET SESSION sql_mode = '';

CREATE TABLE t (id INT NOT NULL, v DATE NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 5 + 0, '0000-00-00' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 1, '2024-00-00' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 2, '9999-12-31' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 3, '1000-01-01' FROM {rows 60};

INSERT INTO t (id, v) SELECT n * 5 + 4, NULL FROM {rows 60};
