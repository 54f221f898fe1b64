UPDATE IGNORE t SET v = {1..300} WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, v) VALUES (1000 + {n}, 1000 + {n});
