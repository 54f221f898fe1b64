CREATE TABLE t (id INT NOT NULL, v INT NULL, x VARCHAR(90) NULL, PRIMARY KEY (id), KEY prefix (x(5)), KEY down (v DESC, id), KEY commented (x, v) COMMENT 'it''s, a `comment`', KEY hash_wanted (v) USING HASH) ;

INSERT INTO t (id, v) SELECT n, n FROM {rows 300};
