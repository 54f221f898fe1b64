# A comment of the shell's kind; with a semicolon.
INSERT INTO `T` (`a`, `b`) VALUES (7, 'a;b'), (8, "double;quoted"), (9, 'it''s; \'here\';'); -- behind; it
INSERT INTO `T` (`a`, `b`) /* inside; it */ VALUES (10, '-- no comment');
