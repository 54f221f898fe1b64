UPDATE t SET v = {n} WHERE b = {1..100} AND a = 'y';

DELETE FROM t WHERE b = {1..100} AND a = 'w';

REPLACE INTO t (a, b, v) VALUES (ELT({1..4}, 'z','y','x','w'), {1..100}, {n});

UPDATE IGNORE t SET a = 'z' WHERE b = {1..100};
