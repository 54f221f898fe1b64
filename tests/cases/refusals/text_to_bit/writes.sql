UPDATE t SET v = 3 WHERE id = {100..300};
