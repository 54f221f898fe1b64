INSERT IGNORE INTO t (id, v, s) VALUES ({1..500}, {n}, 'i'), ({1..500}, {n}, 'j');

DELETE FROM t WHERE id = {1..400};
