WITH c AS (SELECT id FROM t WHERE v = {0..49}) UPDATE t JOIN c ON c.id = t.id SET t.v = {n};

WITH c AS (SELECT MIN(id) AS id FROM t) DELETE t FROM t JOIN c ON c.id = t.id;

REPLACE INTO t (id, v, s) VALUES ({1..400}, 1, 'n');
