ADD COLUMN c INT NULL -- and no more
