UPDATE t SET v = {n} WHERE a = {1..100} AND b = 'y';

DELETE FROM t WHERE a = {1..100} AND b = 'w';

REPLACE INTO t (a, b, v) VALUES ({1..100}, ELT({1..4}, 'z','y','x','w'), {n});

UPDATE IGNORE t SET b = 'z' WHERE a = {1..100};
