UPDATE t SET v = {n} WHERE u = {1..300};

DELETE FROM t WHERE u = {1..300};

INSERT IGNORE INTO t (f, u, v) VALUES (1000 + {n} / 7, 1000 + {n}, 1);

UPDATE IGNORE t SET f = f + 0.001, u = u + 10000 WHERE u = {1..300};
