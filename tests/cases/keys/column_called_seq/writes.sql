UPDATE t SET v = {n} WHERE seq = {1..300};

DELETE FROM t WHERE seq = {1..300};

INSERT INTO t (seq, `new`, v) VALUES (1000 + {n}, 1, 1);

UPDATE IGNORE t SET seq = seq + 9000 WHERE seq = {1..300};
