UPDATE t SET `cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc日本語` = {n} WHERE `a``b` = {1..300};

DELETE FROM t WHERE `a``b` = {1..300};

INSERT INTO t (`a``b`, `or'der "x`, `cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc日本語`) VALUES (1000 + {n}, 1, 1);

UPDATE IGNORE t SET `a``b` = `a``b` + 9000 WHERE `a``b` = {1..300};
