UPDATE t SET v = {n} WHERE k = {-150..150} / 8;

DELETE FROM t WHERE k = {-150..150} / 8;

REPLACE INTO t (k, v) VALUES ({-1500..1500} / 16, {n});

UPDATE IGNORE t SET k = -k WHERE k = {-150..150} / 8;
