UPDATE t JOIN o ON o.id = t.id SET t.v = o.w + {n}, o.w = o.w + 1 WHERE o.id = {1..100};

UPDATE t JOIN o ON o.id = t.id SET t.s = 'joined' WHERE o.w % 7 = {0..6};

UPDATE t a JOIN t b ON b.id = a.id + 1 SET a.v = b.v WHERE a.id = {1..300};

DELETE FROM t WHERE id = {1..400};
