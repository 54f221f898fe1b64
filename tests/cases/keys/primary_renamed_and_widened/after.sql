UPDATE t SET v = {n} WHERE pid = {1..300};

DELETE FROM t WHERE pid = {1..300};

INSERT INTO t (pid, v) VALUES (1000 + {n}, {n});

UPDATE IGNORE t SET pid = pid + 30000 WHERE pid = {1..300};

REPLACE INTO t (pid, v) VALUES ({1..300}, {n});
