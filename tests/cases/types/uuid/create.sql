CREATE TABLE t (id INT NOT NULL, v UUID NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, '123e4567-e89b-12d3-a456-426655440000' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, '00000000-0000-0000-0000-000000000000' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, 'ffffffff-ffff-ffff-ffff-ffffffffffff' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
