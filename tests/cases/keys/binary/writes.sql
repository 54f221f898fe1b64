UPDATE t SET v = {n} WHERE v = {1..300};

DELETE FROM t WHERE v = {1..300};

INSERT INTO t (k, v) VALUES (LEFT(UNHEX(SHA2({n} + 5000, 256)), 16), {n});

INSERT IGNORE INTO t (k, v) VALUES (CHAR({0..255}), {n});
