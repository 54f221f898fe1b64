UPDATE t SET v = {n}, x = REPEAT('z', {0..60000}) WHERE id = {1..120};

DELETE FROM t WHERE id = {1..120};

INSERT INTO t (id, v, y) VALUES (1000 + {n}, 1, 'q');
