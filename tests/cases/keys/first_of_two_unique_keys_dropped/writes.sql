UPDATE t SET v = {n} WHERE m = {1..300};

DELETE FROM t WHERE k = {1..20} AND l = {1..20};

INSERT INTO t (k, l, m, v) VALUES ({1..20}, {1..20}, {1..300}, {n}) ON DUPLICATE KEY UPDATE v = VALUES(v) + 1;

INSERT INTO t (k, l, m, v) VALUES ({1..20}, {1..20}, {1..300}, {n}) ON DUPLICATE KEY UPDATE v = VALUES(v) + 2;

REPLACE INTO t (k, l, m, v) VALUES ({1..20}, {1..20}, {1..300}, {n});

UPDATE IGNORE t SET m = {1..600} WHERE k = {1..20};
