CALL change_rows({1..400}, {n});

START TRANSACTION;
CALL change_rows({1..400}, {n});
ROLLBACK;

DELETE FROM t WHERE id = {1..400};
