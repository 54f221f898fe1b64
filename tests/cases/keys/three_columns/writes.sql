UPDATE t SET v = {n} WHERE a = {0..3};

DELETE FROM t WHERE a = {0..3} AND b = CHAR({97..103}) LIMIT 1;

INSERT INTO t (a, b, c, v) VALUES ({0..3}, 'new', DATE('2030-01-01') + INTERVAL {n} DAY, {n});

UPDATE IGNORE t SET a = a + 10 WHERE c = DATE('2024-01-01') + INTERVAL {1..300} DAY;
