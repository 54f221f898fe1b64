UPDATE t SET v = {n} WHERE id = {1..200};

DELETE FROM t WHERE id = {1..200};

REPLACE INTO t (id, v) VALUES ({1..250}, {n});
