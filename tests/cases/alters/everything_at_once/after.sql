UPDATE t SET w = {n}, b = 'x' WHERE id = {1..300};

INSERT INTO t (id, w, b) VALUES (500000 + {n}, 5, 'i');
