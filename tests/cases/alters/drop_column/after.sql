UPDATE t SET b = CONCAT('u', {n}) WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT INTO t (id, v, b) VALUES (500000 + {n}, 1, 'i');
