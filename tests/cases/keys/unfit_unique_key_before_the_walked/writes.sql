UPDATE t SET v = {n} WHERE m = {1..300};

DELETE FROM t WHERE m = {1..300};

INSERT INTO t (f, m, v) VALUES ({1..300} + 0.5, {1..300}, {n}) ON DUPLICATE KEY UPDATE v = VALUES(v) + 1;

INSERT INTO t (f, m, v) VALUES ({1..300} + 0.5, {1..300}, {n}) ON DUPLICATE KEY UPDATE v = VALUES(v) + 2;

REPLACE INTO t (f, m, v) VALUES ({1..300} + 0.5, {1..300}, {n});

UPDATE IGNORE t SET f = {1..300} + 0.5 WHERE m = {1..300};
