UPDATE t SET v = {n}, d = '2021-01-01 00:00:00.5' WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, v, d) VALUES (1000 + {n}, {n}, '2022-01-01');

UPDATE t SET id = id + 30000, d = d WHERE id = {1..300};
