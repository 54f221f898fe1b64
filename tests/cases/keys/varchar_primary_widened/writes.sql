UPDATE t SET v = {n} WHERE id LIKE 'Key {1..300}%';

DELETE FROM t WHERE id LIKE 'key {1..300}%';

INSERT INTO t (id, v) VALUES ('new {n}', {n});

REPLACE INTO t (id, v) VALUES ('KEY {1..300}', {n});
