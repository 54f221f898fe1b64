DELETE t FROM t JOIN o ON o.id = t.id WHERE o.w = {1..100};

DELETE t, o FROM t JOIN o ON o.id = t.id WHERE t.id = {1..400};

REPLACE INTO o (id, w) VALUES ({1..100}, {1..100});

REPLACE INTO t (id, v, s) VALUES ({1..400}, 1, 'x');
