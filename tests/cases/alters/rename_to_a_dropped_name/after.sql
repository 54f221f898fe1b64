UPDATE t SET v = {n} WHERE id = {1..300};

INSERT INTO t (id, v) VALUES (500000 + {n}, 2);
