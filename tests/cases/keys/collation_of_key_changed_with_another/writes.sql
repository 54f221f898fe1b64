UPDATE t SET k = UPPER(k) WHERE u = {1..300};

UPDATE t SET k = LOWER(k) WHERE u = {1..300};

DELETE FROM t WHERE u = {1..300};

INSERT INTO t (k, u, v) VALUES (CONCAT('N', {n}), 1000 + {n}, 1);

UPDATE IGNORE t SET u = u + 5000 WHERE u = {1..300};
