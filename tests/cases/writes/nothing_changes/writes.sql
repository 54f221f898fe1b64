UPDATE t SET v = v WHERE id = {1..400};

DELETE FROM t WHERE id < 0;

INSERT IGNORE INTO t (id, v, s) VALUES (1, 1, '');
