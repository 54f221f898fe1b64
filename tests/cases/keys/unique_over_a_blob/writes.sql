UPDATE t SET a = CONCAT('n', {n}) WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

UPDATE t SET b = CONCAT('n', {n}) WHERE id = {1..300};
