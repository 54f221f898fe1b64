INSERT INTO o (id, w) VALUES (1000 + {n}, {1..400});

DELETE FROM o WHERE id < {n};

DELETE FROM t WHERE id = {1..400};
