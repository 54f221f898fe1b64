SET NAMES utf8mb4;

CREATE TABLE t (id INT NOT NULL, v INT NULL, x INT NULL COMMENT 'it''s; -- a "comment" /* 日本 */', PRIMARY KEY (id)) COMMENT='table''s AUTO_INCREMENT=5 comment';

INSERT INTO t (id, v) SELECT n, n FROM {rows 300};
