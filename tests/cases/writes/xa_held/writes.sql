-- held
XA START 'held{n}';
INSERT INTO t (id, v, s) VALUES (900000 + {n}, 1, 'held');
UPDATE t SET v = {n} WHERE id = {351..400};
DO SLEEP(0.3);
DELETE FROM t WHERE id = {351..400};
XA END 'held{n}';
XA COMMIT 'held{n}' ONE PHASE;

UPDATE t SET v = {n} WHERE id = {1..350};

DELETE FROM t WHERE id = {1..350};

INSERT INTO t (id, v, s) VALUES (1000 + {n}, 1, 'n');
