INSERT INTO t (id, v) VALUES (100000 + {n}, _utf16 X'00410042');

UPDATE t SET v = _utf16 X'00410042' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, _utf16 X'D83DDE00');

UPDATE t SET v = _utf16 X'D83DDE00' WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, _utf16 X'D83DDE00');

INSERT INTO t (id, v) VALUES (100000 + {n}, '');

UPDATE t SET v = '' WHERE id = {1..320};

DELETE FROM t WHERE id = {1..320};

INSERT INTO t (id, v) VALUES (100000 + {n}, NULL);

UPDATE t SET v = NULL WHERE id = {1..320};

REPLACE INTO t (id, v) VALUES ({1..320}, NULL);
