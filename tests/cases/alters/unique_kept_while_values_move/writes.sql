START TRANSACTION;
UPDATE t SET b = NULL WHERE id = {x=1..150};
UPDATE t SET b = CONCAT('b', {x}) WHERE id = {x} + 150;
UPDATE t SET b = CONCAT('b', {x} + 150) WHERE id = {x};
COMMIT;

START TRANSACTION;
UPDATE t SET b = CONCAT('b', {x=1..150} + 150, 't') WHERE id = {x} + 150;
UPDATE t SET b = CONCAT('b', {x} + 150) WHERE id = {x};
UPDATE t SET b = CONCAT('b', {x}) WHERE id = {x} + 150;
COMMIT;
