UPDATE t SET single = {n} / 7 WHERE id = {1..300};

DELETE FROM t WHERE id = {1..300};

REPLACE INTO t VALUES ({1..300}, 0.1, 0.1);
