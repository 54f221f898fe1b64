UPDATE t SET s = '😀{n}' WHERE id = {1..400};

INSERT INTO t (id, v, s) VALUES (1000 + {n}, 1, _utf8mb4'日本');

DELETE FROM t WHERE id = {1..400};
