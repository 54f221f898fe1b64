UPDATE t SET a = b, b = a WHERE id = {1..300};

UPDATE t SET a = NULL, d = '' WHERE id = {1..300};

UPDATE t SET a = '', d = NULL, c = b WHERE id = {1..300};

INSERT INTO t (id, b) VALUES (1000 + {n}, '');
