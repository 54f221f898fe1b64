MODIFY v ENUM('red','green') NULL
