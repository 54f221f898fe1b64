MODIFY v SET('c','b','a','d') NULL
