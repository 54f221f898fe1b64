UPDATE t SET w = {n} WHERE v = {1..300};

DELETE FROM t WHERE v = {1..300};

INSERT INTO t (v, w) VALUES (1000 + {n}, 'n');

INSERT INTO t (v, w) SELECT v + 5, 'c' FROM t WHERE v = {1..300};
