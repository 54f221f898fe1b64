INSERT INTO t (id, v, s) VALUES (1000 + {n} * 3, 1, 'a'), (1001 + {n} * 3, 2, 'b'), (1002 + {n} * 3, 3, 'c');

UPDATE t SET v = v + 1 WHERE v = {0..49};

DELETE FROM t WHERE id BETWEEN {x=1..400} AND {x} + 3;

REPLACE INTO t (id, v, s) VALUES ({1..400}, 1, 'r'), ({1..400}, 2, 'r'), ({1..400}, 3, 'r');
