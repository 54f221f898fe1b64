UPDATE t SET v = 'short' WHERE id = 299;
