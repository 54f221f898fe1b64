CREATE TABLE t (id INT NOT NULL, v JSON NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 7 + 0, '{"b": 1, "a": [1, 2.50, null, "x"]}' FROM {rows 42};

INSERT INTO t (id, v) SELECT n * 7 + 1, '[]' FROM {rows 42};

INSERT INTO t (id, v) SELECT n * 7 + 2, 'null' FROM {rows 42};

INSERT INTO t (id, v) SELECT n * 7 + 3, JSON_OBJECT('d', CAST('2024-01-01 00:00:00.000001' AS DATETIME(6))) FROM {rows 42};

INSERT INTO t (id, v) SELECT n * 7 + 4, CAST(18446744073709551615 AS JSON) FROM {rows 42};

INSERT INTO t (id, v) SELECT n * 7 + 5, '1.0' FROM {rows 42};

INSERT INTO t (id, v) SELECT n * 7 + 6, NULL FROM {rows 42};
