INSERT INTO t (id, v) VALUES ({n}, 1);

DELETE FROM t WHERE id < {n} - 5;
