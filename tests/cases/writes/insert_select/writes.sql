INSERT INTO t (id, v, s) SELECT id + 1000 * {n}, v, s FROM t WHERE id BETWEEN {x=1..380} AND {x} + 5;

REPLACE INTO t (id, v, s) SELECT id, v + 1, s FROM t WHERE v = {0..49};

DELETE FROM t WHERE id = {1..400};
