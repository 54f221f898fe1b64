MODIFY v ENUM('c','x','a','b') NULL
