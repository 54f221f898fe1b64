SET NAMES utf8mb4;

CREATE TABLE t (`a``b` INT NOT NULL, `or'der "x` INT NOT NULL, `cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc日本語` INT NULL, PRIMARY KEY (`a``b`, `or'der "x`), KEY `k``1` (`cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc日本語`));

INSERT INTO t SELECT n, n % 3, n FROM {rows 300};
