INSERT INTO t (id, v, s) VALUES ({1..500}, {n}, 'n') ON DUPLICATE KEY UPDATE v = v + 1, s = VALUES(s);

INSERT INTO t (id, v, s) VALUES ({1..500}, {n}, 'n') ON DUPLICATE KEY UPDATE id = id + 5000 + {n} * 10000;

DELETE FROM t WHERE id = {1..400};
