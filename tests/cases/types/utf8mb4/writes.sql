INSERT INTO t (id, v) VALUES (100000 + {n}, '😀👩‍👩‍👧‍👦');

UPDATE t SET v = '😀👩‍👩‍👧‍👦' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, 'e\u0301');

UPDATE t SET v = 'e\u0301' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, 'e\u0301');

INSERT INTO t (id, v) VALUES (100000 + {n}, _utf8mb4 X'F09F98800A00');

UPDATE t SET v = _utf8mb4 X'F09F98800A00' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, '\\ \'\" % _');

UPDATE t SET v = '\\ \'\" % _' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, '\\ \'\" % _');

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};
