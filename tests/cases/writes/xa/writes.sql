XA START 'x{n}';
UPDATE t SET v = {n} WHERE id = {1..400};
INSERT INTO t (id, v, s) VALUES (1000 + {n}, 1, 'xa');
XA END 'x{n}';
XA PREPARE 'x{n}';
XA COMMIT 'x{n}';

XA START 'y{n}';
DELETE FROM t WHERE id = {1..400};
XA END 'y{n}';
XA COMMIT 'y{n}' ONE PHASE;

XA START 'z{n}';
DELETE FROM t WHERE id = {1..400};
XA END 'z{n}';
XA PREPARE 'z{n}';
XA ROLLBACK 'z{n}';
