UPDATE t SET v = {n} WHERE k = {1..300} * 5;

DELETE FROM t WHERE k = {1..300} * 5;

REPLACE INTO t (k, v) VALUES ({0..4095}, {n});

UPDATE IGNORE t SET k = {0..4095} WHERE k = {1..300} * 5;
