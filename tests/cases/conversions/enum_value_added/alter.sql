MODIFY v ENUM('a','b','c') NOT NULL
