UPDATE t SET v = {n} WHERE v = {1..300};

DELETE FROM t WHERE v = {1..300};

INSERT IGNORE INTO t (k, v) VALUES (CONCAT('N', {n}), {n});

UPDATE IGNORE t SET k = UPPER(k) WHERE v = {1..300};

UPDATE IGNORE t SET k = LOWER(k), v = v WHERE v = {1..300};

UPDATE IGNORE t SET k = CONCAT(CHAR({97..122}), {1..300}) WHERE v = {1..300};

REPLACE INTO t (k, v) VALUES (CONCAT('ß', {1..30}), {n});

UPDATE IGNORE t SET k = CONCAT(k, '  ') WHERE v = {1..300};
