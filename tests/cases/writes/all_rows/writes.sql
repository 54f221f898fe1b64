UPDATE t SET v = v + 1;

DELETE FROM t WHERE id % 97 = {0..96};

REPLACE INTO t (id, v, s) VALUES ({1..400}, {n}, 'x');

UPDATE t SET s = CONCAT('all', {n});
