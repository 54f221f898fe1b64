UPDATE t SET v = {n} WHERE a = {1..300};

DELETE FROM t WHERE a = {1..300};

INSERT INTO t (a, v) VALUES (1000 + {n}, 1);

UPDATE IGNORE t SET a = a + 20000 WHERE a = {1..300};
