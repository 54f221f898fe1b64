UPDATE t SET b = DEFAULT, a = {n} WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

INSERT IGNORE INTO t (id, a) VALUES ({1..300}, {n});
