UPDATE w SET v = {n} WHERE id = {1..400};

DELETE FROM w WHERE id = {1..400};

INSERT INTO w (id, v) VALUES (1000 + {n}, 1);
