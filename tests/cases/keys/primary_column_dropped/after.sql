UPDATE t SET v = {n} WHERE u = {4700..5000};

INSERT INTO t (u, v) VALUES (20000 + {n}, {n});

DELETE FROM t WHERE u = {4700..5000};
