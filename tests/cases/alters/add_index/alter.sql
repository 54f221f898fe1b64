ADD INDEX a (a, b DESC), ADD INDEX (b(3))
