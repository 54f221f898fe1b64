DELETE FROM t;

INSERT IGNORE INTO t (id, v, s) SELECT n, n, 'again' FROM (SELECT 1 n UNION ALL SELECT 2 UNION ALL SELECT 399 UNION ALL SELECT 5000) x;

REPLACE INTO t (id, v, s) VALUES ({1..400}, {n}, 'x');

REPLACE INTO t (id, v, s) VALUES ({1..400}, {n}, 'x');

REPLACE INTO t (id, v, s) VALUES ({1..400}, {n}, 'x');
