DELETE FROM t WHERE id = {1..300};

UPDATE t SET id = id + 1000 WHERE id = {1..300};
