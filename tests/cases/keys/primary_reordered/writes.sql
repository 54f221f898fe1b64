UPDATE t SET v = {n} WHERE a = {1..20} AND b = {1..20};

DELETE FROM t WHERE a = {1..20} AND b = {1..20};

REPLACE INTO t (a, b, v) VALUES ({1..20}, {1..20}, {n});

UPDATE IGNORE t SET a = {1..20} WHERE a = {1..20} AND b = {1..20};

UPDATE IGNORE t SET a = b, b = a WHERE a = {1..20};
