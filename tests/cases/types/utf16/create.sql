CREATE TABLE t (id INT NOT NULL, v VARCHAR(50) CHARACTER SET utf16 NULL, PRIMARY KEY (id));

INSERT INTO t (id, v) SELECT n * 4 + 0, _utf16 X'00410042' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 1, _utf16 X'D83DDE00' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 2, '' FROM {rows 75};

INSERT INTO t (id, v) SELECT n * 4 + 3, NULL FROM {rows 75};
