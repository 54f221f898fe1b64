UPDATE IGNORE t SET id = id + 1 WHERE id BETWEEN {x=1..380} AND {x} + 9 ORDER BY id DESC;

UPDATE t SET id = id + 1 ORDER BY id DESC;

UPDATE t SET id = id - 1 ORDER BY id;

REPLACE INTO t (id, v, s) VALUES ({1..400}, {n}, 'r');
