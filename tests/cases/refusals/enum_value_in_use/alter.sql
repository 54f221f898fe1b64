MODIFY v ENUM('a','b') NULL
