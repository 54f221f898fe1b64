//! Column types and keys that tables are made of, with values at their edges.

use crate::support::Kind;

/// A type of a column that is no key.
#[derive(Debug, PartialEq, Eq)]
pub struct Type {
    pub family: Family,
    /// As it goes into a definition, character set and collation included.
    pub sql: &'static str,
    /// Expressions that give values of it, nearly all of them valid. `@n` is a number that differs in every write.
    pub values: &'static [&'static str],
    pub on: On,
}

/// Types whose values are often taken by another of the same family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Integer,
    Number,
    Text,
    Bytes,
    Time,
    Choice,
    Other,
}

/// Where a type or key exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Both,
    MySql,
    MariaDb,
}

impl On {
    pub fn has(self, kind: Kind) -> bool {
        match self {
            On::Both => true,
            On::MySql => kind == Kind::MySql97,
            On::MariaDb => kind != Kind::MySql97,
        }
    }
}

impl Type {
    /// Whether an index takes only its beginning, or a default is not allowed.
    pub fn is_blob(&self) -> bool {
        self.sql.contains("TEXT") || self.sql.contains("BLOB")
    }

    /// Whether a plain index can be over it.
    pub fn is_indexable(&self) -> bool {
        !self.sql.starts_with("JSON") && !self.sql.starts_with("POINT")
    }

    /// The values that are the same wherever they are read: a default can be one of these.
    pub fn literals(&self) -> Vec<&'static str> {
        let is_plain = |value: &&&str| !value.contains("@n") && !value.contains('(') && !value.starts_with("NULL");
        self.values.iter().filter(is_plain).copied().collect()
    }
}

const SMALL: &[&str] = &["0", "1", "@n % 100", "127", "7"];
const SIGNED: &[&str] = &["0", "-1", "-128", "127", "@n % 50 - 25"];
const TEXTS: &[&str] = &[
    "''",
    "'a'",
    "'A'",
    "'a '",
    "'42'",
    "'0'",
    "'-7.50'",
    "'2024-02-29'",
    "CONCAT('text ', @n)",
    "CONCAT('Ä', @n % 7)",
    "'it''s `quoted` \"so\"'",
    "REPEAT('x', 1 + @n % 9)",
];
const WIDE_TEXTS: &[&str] = &[
    "''",
    "'ß'",
    "'ss'",
    "'😀'",
    "CONCAT('日本', @n % 11)",
    "'e\u{301}'",
    "'é'",
    "'a '",
    "'A'",
    "CONCAT('text ', @n)",
    "'12'",
];
const TIMES: &[&str] =
    &["'2024-02-29 23:59:59'", "'1999-12-31 00:00:00'", "'2024-03-31 02:30:00'", "'2020-06-15' + INTERVAL @n HOUR"];
const FRACTIONS: &[&str] =
    &["'2024-02-29 23:59:59.999999'", "'2001-01-01 00:00:00.000001'", "'2020-06-15 01:02:03.500' + INTERVAL @n MINUTE"];

const fn both(family: Family, sql: &'static str, values: &'static [&'static str]) -> Type {
    Type { family, sql, values, on: On::Both }
}

pub static TYPES: &[Type] = &[
    both(Family::Integer, "TINYINT", SIGNED),
    both(Family::Integer, "TINYINT(1)", &["0", "1"]),
    both(Family::Integer, "SMALLINT UNSIGNED", &["0", "65535", "@n"]),
    both(Family::Integer, "MEDIUMINT", &["-8388608", "8388607", "@n"]),
    both(Family::Integer, "INT", &["0", "-2147483648", "2147483647", "@n", "@n % 10"]),
    both(Family::Integer, "INT UNSIGNED", &["0", "4294967295", "@n", "@n % 10"]),
    both(Family::Integer, "BIGINT", &["-9223372036854775808", "9223372036854775807", "9007199254740993", "@n"]),
    both(Family::Integer, "BIGINT UNSIGNED", &["18446744073709551615", "0", "@n", "9223372036854775808"]),
    both(Family::Number, "DECIMAL(10,2)", &["0", "-99999999.99", "1.05", "@n / 4", "0.10"]),
    both(Family::Number, "DECIMAL(30,10)", &["0", "12345678901234567890.0123456789", "-1.0000000001", "@n"]),
    both(Family::Number, "DECIMAL(5,0) UNSIGNED", &["0", "99999", "@n"]),
    both(Family::Number, "FLOAT", &["0", "-0.0", "0.1", "16777217", "3.4e38", "@n / 3"]),
    both(Family::Number, "DOUBLE", &["0", "-0.0e0", "0.1", "1.7976931348623157e308", "5e-324", "@n / 3"]),
    both(Family::Text, "VARCHAR(60)", WIDE_TEXTS),
    both(Family::Text, "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", WIDE_TEXTS),
    both(Family::Text, "VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", WIDE_TEXTS),
    both(Family::Text, "VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci", TEXTS),
    both(Family::Text, "VARCHAR(30) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci", TEXTS),
    both(Family::Text, "CHAR(24)", TEXTS),
    both(Family::Text, "TINYTEXT", TEXTS),
    both(Family::Text, "TEXT", WIDE_TEXTS),
    both(Family::Text, "MEDIUMTEXT CHARACTER SET latin1", TEXTS),
    both(Family::Text, "LONGTEXT", WIDE_TEXTS),
    Type {
        family: Family::Text,
        sql: "VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci",
        values: WIDE_TEXTS,
        on: On::MySql,
    },
    Type {
        family: Family::Text,
        sql: "VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        values: WIDE_TEXTS,
        on: On::MariaDb,
    },
    both(Family::Bytes, "BINARY(8)", &["''", "X'00FF00'", "UNHEX(LPAD(HEX(@n), 6, '0'))", "'12345678'"]),
    both(Family::Bytes, "VARBINARY(20)", &["''", "X'00'", "X'FF00'", "CONCAT('b', @n)", "'a '"]),
    both(Family::Bytes, "BLOB", &["''", "X'00'", "X'C3'", "CONCAT('blob ', @n)"]),
    both(Family::Time, "DATE", &["'2024-02-29'", "'1000-01-01'", "'9999-12-31'", "'2020-01-01' + INTERVAL @n DAY"]),
    both(Family::Time, "DATETIME", TIMES),
    both(Family::Time, "DATETIME(3)", FRACTIONS),
    both(Family::Time, "DATETIME(6)", FRACTIONS),
    both(Family::Time, "TIMESTAMP", TIMES),
    both(Family::Time, "TIMESTAMP(6)", FRACTIONS),
    both(Family::Time, "TIME", &["'00:00:00'", "'-838:59:59'", "'838:59:59'", "SEC_TO_TIME(@n * 61)"]),
    both(Family::Time, "TIME(3)", &["'00:00:00.001'", "'-12:34:56.789'", "'23:59:59.999'"]),
    both(Family::Time, "YEAR", &["1901", "2155", "2000 + @n % 50"]),
    both(Family::Choice, "ENUM('a','b','c')", &["'a'", "'b'", "'c'", "ELT(1 + @n % 3, 'a', 'b', 'c')"]),
    both(Family::Choice, "ENUM('c','a','d','b')", &["'a'", "'b'", "'c'", "ELT(1 + @n % 3, 'a', 'b', 'c')"]),
    both(Family::Choice, "ENUM('a','b')", &["'a'", "'b'"]),
    both(Family::Choice, "SET('x','y','z')", &["''", "'x'", "'x,z'", "'x,y,z'"]),
    both(Family::Choice, "SET('z','x','w','y')", &["''", "'x'", "'x,z'", "'x,y,z'"]),
    both(Family::Other, "BIT(1)", &["0", "1", "@n % 2"]),
    both(Family::Other, "BIT(10)", &["0", "1023", "@n % 1024"]),
    both(Family::Other, "JSON", &["'{}'", "'{\"b\": [1, 2.50], \"a\": null}'", "JSON_OBJECT('n', @n)", "'\"text\"'"]),
    both(Family::Other, "POINT", &["ST_GeomFromText(CONCAT('POINT(', @n, ' 2.5)'))", "ST_GeomFromText('POINT(0 0)')"]),
    Type {
        family: Family::Other,
        sql: "UUID",
        values: &["'123e4567-e89b-12d3-a456-426655440000'", "CONCAT('00000000-0000-4000-8000-', LPAD(@n, 12, '0'))"],
        on: On::MariaDb,
    },
    Type {
        family: Family::Other,
        sql: "INET6",
        values: &["'::1'", "CONCAT('2001:db8::', HEX(@n % 60000))", "'::ffff:192.0.2.1'"],
        on: On::MariaDb,
    },
    both(Family::Integer, "SMALLINT", SMALL),
];

/// A unique key that rows are told apart by.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    pub columns: &'static [KeyColumn],
    /// How it stands in CREATE TABLE: `PRIMARY KEY (…)`, `UNIQUE KEY …`, or nothing.
    pub sql: &'static str,
    pub weight: u32,
    pub on: On,
}

#[derive(Debug, PartialEq, Eq)]
pub struct KeyColumn {
    pub name: &'static str,
    pub sql: &'static str,
    /// The value of row number `{x}`: another for each number in all columns together.
    pub value: &'static str,
}

impl Key {
    pub fn counts(&self) -> bool {
        self.columns[0].sql.contains("AUTO_INCREMENT")
    }

    pub fn is_integer(&self) -> bool {
        self.columns.len() == 1 && self.columns[0].sql.contains("INT")
    }

    /// The first column that compares letters without their case.
    pub fn letters(&self) -> Option<&'static KeyColumn> {
        self.columns.iter().find(|column| column.sql.contains("CHAR"))
    }

    pub fn is_primary(&self) -> bool {
        self.sql.starts_with("PRIMARY")
    }

    /// The columns' values for a row number, itself an expression.
    pub fn values(&self, number: &str) -> Vec<(String, String)> {
        let value = |column: &KeyColumn| (column.name.to_owned(), column.value.replace("{x}", number));
        self.columns.iter().map(value).collect()
    }
}

const fn column(name: &'static str, sql: &'static str, value: &'static str) -> KeyColumn {
    KeyColumn { name, sql, value }
}

const fn primary(weight: u32, sql: &'static str, columns: &'static [KeyColumn]) -> Key {
    Key { columns, sql, weight, on: On::Both }
}

const ONE: &str = "PRIMARY KEY (`k`)";
const TWO: &str = "PRIMARY KEY (`k`, `l`)";
const TEXT_KEY: &str = "CONCAT('k', LPAD({x}, 5, '0'))";

pub static KEYS: &[Key] = &[
    primary(6, ONE, &[column("k", "INT NOT NULL AUTO_INCREMENT", "{x} + 1")]),
    primary(4, ONE, &[column("k", "BIGINT UNSIGNED NOT NULL AUTO_INCREMENT", "{x} + 9223372036854775000")]),
    primary(3, ONE, &[column("k", "INT NOT NULL", "{x} - 5")]),
    primary(2, ONE, &[column("k", "SMALLINT UNSIGNED NOT NULL", "{x}")]),
    primary(4, ONE, &[column("k", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL", TEXT_KEY)]),
    primary(2, ONE, &[column("k", "VARCHAR(191) NOT NULL", "CONCAT('ä', {x}, ' ')")]),
    primary(2, ONE, &[column("k", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL", TEXT_KEY)]),
    primary(2, ONE, &[column("k", "VARCHAR(20) CHARACTER SET latin1 NOT NULL", "CONCAT('é', {x})")]),
    primary(2, ONE, &[column("k", "CHAR(10) NOT NULL", TEXT_KEY)]),
    primary(2, ONE, &[column("k", "BINARY(4) NOT NULL", "UNHEX(LPAD(HEX({x}), 8, '0'))")]),
    primary(2, ONE, &[column("k", "VARBINARY(12) NOT NULL", "CONCAT(X'00', {x})")]),
    primary(2, ONE, &[column("k", "DECIMAL(9,2) NOT NULL", "{x} - 20.75")]),
    primary(1, ONE, &[column("k", "DATETIME(3) NOT NULL", "'2024-03-30 12:00:00.125' + INTERVAL {x} MINUTE")]),
    primary(1, ONE, &[column("k", "DATE NOT NULL", "'2024-01-01' + INTERVAL {x} DAY")]),
    primary(
        1,
        ONE,
        &[column(
            "k",
            "TIMESTAMP NOT NULL DEFAULT '2000-01-01 00:00:00'",
            "'2024-03-30 12:00:00' + INTERVAL {x} MINUTE",
        )],
    ),
    primary(1, ONE, &[column("k", "BIT(16) NOT NULL", "{x}")]),
    primary(
        3,
        TWO,
        &[column("k", "INT NOT NULL", "{x} DIV 10"), column("l", "SMALLINT UNSIGNED NOT NULL", "{x} % 10")],
    ),
    primary(
        2,
        TWO,
        &[column("k", "VARCHAR(10) NOT NULL", "CONCAT('g', {x} DIV 7)"), column("l", "INT NOT NULL", "{x}")],
    ),
    primary(
        1,
        TWO,
        &[
            column("k", "INT NOT NULL", "{x} DIV 3"),
            column("l", "ENUM('z','y','x') NOT NULL", "ELT(1 + {x} % 3, 'x', 'y', 'z')"),
        ],
    ),
    primary(1, "PRIMARY KEY (`k` DESC)", &[column("k", "INT NOT NULL", "{x}")]),
    primary(
        3,
        "UNIQUE KEY `pair` (`k`, `l`)",
        &[column("k", "INT NOT NULL", "{x} DIV 5"), column("l", "VARCHAR(20) NOT NULL", "CONCAT('b', {x} % 5)")],
    ),
    // What is refused: two of these are enough to see that nothing is touched.
    primary(1, "PRIMARY KEY (`k`)", &[column("k", "DOUBLE NOT NULL", "{x} + 0.5")]),
    primary(1, "UNIQUE KEY `maybe` (`k`)", &[column("k", "INT NULL", "{x}")]),
];
