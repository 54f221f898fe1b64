PREPARE p FROM 'UPDATE t SET v = ? WHERE id = ?';
SET @a = {n}, @b = {1..400};
EXECUTE p USING @a, @b;
DEALLOCATE PREPARE p;

DELETE FROM t WHERE id = {1..400};

INSERT INTO t (id, v, s) VALUES (1000 + {n}, 1, 'n');
