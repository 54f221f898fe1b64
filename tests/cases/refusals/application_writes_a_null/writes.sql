UPDATE t SET v = id WHERE id = {1..250};
