ADD COLUMN extra INT NULL COMMENT '`x` ''y'', z'
