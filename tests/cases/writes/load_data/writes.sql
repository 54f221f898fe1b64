LOAD DATA INFILE '{data}' INTO TABLE t (id, v, s) SET id = id + 1000 + {n} * 10;

LOAD DATA INFILE '{data}' REPLACE INTO TABLE t (id, v, s);

LOAD DATA INFILE '{data}' IGNORE INTO TABLE t (id, v, s);

DELETE FROM t WHERE id = {1..400};
