INSERT INTO t (id, v, s) VALUES (1000 + {n}, 1, 'n') RETURNING id;

DELETE FROM t WHERE id = {1..400} RETURNING v;

REPLACE INTO t (id, v, s) VALUES ({1..400}, 1, 'n') RETURNING *;
