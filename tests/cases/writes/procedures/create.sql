CREATE TABLE t (id INT NOT NULL, v INT NULL, s VARCHAR(30) NULL, PRIMARY KEY (id), KEY v (v));

INSERT INTO t SELECT n, n % 50, CONCAT('s', n) FROM {rows 400};

CREATE PROCEDURE change_rows (IN which INT, IN how INT)
BEGIN
  DECLARE i INT DEFAULT 0;
  WHILE i < 3 DO
    INSERT INTO t (id, v, s) VALUES (1000 + how * 3 + i, i, 'p');
    SET i = i + 1;
  END WHILE;
  UPDATE t SET v = how WHERE id = which;
  DELETE FROM t WHERE id = which + 1;
END;
