UPDATE t SET v = {n} WHERE a = {1..50};

DELETE FROM t WHERE a = {1..50} AND b = 'p,q';

REPLACE INTO t (a, b, v) VALUES ({1..50}, {0..7}, {n});

UPDATE IGNORE t SET b = '' WHERE a = {1..50};
