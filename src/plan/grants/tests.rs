use super::*;

use Privilege::{
    Alter, Create, CreateTemporaryTables, Delete, Drop, Index, Insert, LockTables, References, Select, Trigger, Update,
};

const MYSQL_ROOT: &[&str] = &[
    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, SHUTDOWN, PROCESS, FILE, REFERENCES, INDEX, ALTER, SHOW DATABASES, SUPER, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, CREATE TABLESPACE, CREATE ROLE, DROP ROLE ON *.* TO `root`@`127.0.0.1` WITH GRANT OPTION",
    "GRANT ALLOW_NONEXISTENT_DEFINER,APPLICATION_PASSWORD_ADMIN,BINLOG_ADMIN,CONNECTION_ADMIN,SYSTEM_VARIABLES_ADMIN,XA_RECOVER_ADMIN ON *.* TO `root`@`127.0.0.1` WITH GRANT OPTION",
    "GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION",
];
const MARIADB_ROOT: &[&str] = &[
    "GRANT `pz_role` TO `root`@`127.0.0.1` WITH ADMIN OPTION",
    "GRANT ALL PRIVILEGES ON *.* TO `root`@`127.0.0.1` IDENTIFIED BY PASSWORD '*377D0BBC4868D400F9365C1F7B02E0E0D021877A' WITH GRANT OPTION",
    "GRANT PROXY ON ''@'%' TO 'root'@'127.0.0.1' WITH GRANT OPTION",
];
const MYSQL_APP: &[&str] = &[
    "GRANT PROCESS ON *.* TO `app`@`%`",
    r"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, TRIGGER ON `my\_shop`.* TO `app`@`%`",
    r"GRANT ALL PRIVILEGES ON `my\_shop\_\_replank`.* TO `app`@`%`",
];
const MARIADB_APP: &[&str] = &[
    "GRANT PROCESS ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*C959F8B1A6767BBE89733B6A6B7B915634CB783F'",
    r"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, TRIGGER ON `my\_shop`.* TO `app`@`%`",
    r"GRANT ALL PRIVILEGES ON `my\_shop\_\_replank`.* TO `app`@`%`",
];
const PATTERN_AND_COLUMNS: &[&str] = &[
    "GRANT USAGE ON *.* TO `app`@`%`",
    "GRANT ALL PRIVILEGES ON `my%`.* TO `app`@`%`",
    "GRANT SELECT (`b`), INSERT (`b`, `id`) ON `other`.`t` TO `app`@`%`",
    "GRANT `writer`@`%`,`reader`@`%` TO `app`@`%` WITH ADMIN OPTION",
];
const TABLE_ONLY: &[&str] =
    &["GRANT SUPER ON *.* TO `a'b`@`%` WITH GRANT OPTION", "GRANT ALL PRIVILEGES ON `my_shop`.`Order` TO `a'b`@`%`"];
/// Seen on all three servers: SELECT and INSERT are denied on `my_shop`.
const THREE_PATTERNS: &[&str] = &[
    "GRANT USAGE ON *.* TO `app`@`%`",
    "GRANT SELECT ON `my%`.* TO `app`@`%`",
    r"GRANT UPDATE ON `my\_shop`.* TO `app`@`%`",
    "GRANT INSERT ON `my_shop`.* TO `app`@`%`",
];
const PARTIAL_REVOKE: &[&str] =
    &["GRANT SELECT, INSERT ON *.* TO `app`@`%`", "REVOKE INSERT ON `my_shop`.* FROM `app`@`%`"];
const MARIADB_ACTIVE_ROLE: &[&str] = &[
    "GRANT `writer` TO `app`@`%` WITH ADMIN OPTION",
    "GRANT USAGE ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*C959F8B1A6767BBE89733B6A6B7B915634CB783F'",
    "GRANT SELECT ON `my_shop`.* TO `app`@`%`",
    "GRANT SUPER ON *.* TO `writer`",
    "GRANT INSERT ON `my%`.* TO `writer`",
    "SET DEFAULT ROLE `writer` FOR `app`@`%`",
];
const OLD_QUOTING: &[&str] = &[
    "GRANT USAGE ON *.* TO 'app'@'10.0.%' IDENTIFIED BY PASSWORD '*C959 ON *.* TO'",
    "GRANT SELECT, LOCK TABLES ON `my_shop`.* TO 'app'@'10.0.%'",
    "GRANT EXECUTE ON PROCEDURE `my_shop`.`p` TO 'app'@'10.0.%'",
];
const ANSI_QUOTES: &[&str] = &[r#"GRANT SELECT ON "my\_shop".* TO "app"@"%""#];

#[track_caller]
fn check_schema(lines: &[&str], schema: &str, missing: &[Privilege]) {
    assert_eq!(Grants::parse(lines).missing_on_schema(&Ident::new(schema), &Privilege::ALL), missing, "on {schema}");
}

#[track_caller]
fn check_table(lines: &[&str], schema: &str, table: &str, missing: &[Privilege]) {
    let name = TableName::new(schema, table);
    assert_eq!(Grants::parse(lines).missing_on_table(&name, &Privilege::ALL), missing, "on {name}");
}

#[track_caller]
fn check_grant(lines: &[&str], account: &str, schema: &str, expected: &str) {
    let statement =
        Grants::parse(lines).grant_statement(&Account::parse(account), &Ident::new(schema), &[Select, LockTables]);
    assert_eq!(statement, expected);
}

fn all_but(held: &[Privilege]) -> Vec<Privilege> {
    Privilege::ALL.into_iter().filter(|privilege| !held.contains(privilege)).collect()
}

#[test]
fn global_privileges_cover_every_schema() {
    check_schema(MYSQL_ROOT, "my_shop", &[]);
    check_schema(MARIADB_ROOT, "my_shop", &[]);
    check_table(MYSQL_ROOT, "my_shop", "Order", &[]);
    check_schema(&[], "my_shop", &Privilege::ALL);
}

#[test]
fn schema_privileges_cover_what_their_pattern_covers() {
    for lines in [MYSQL_APP, MARIADB_APP] {
        check_schema(lines, "my_shop", &[]);
        check_schema(lines, "my_shop__replank", &[]);
        check_schema(lines, "myXshop", &Privilege::ALL);
        check_schema(lines, "my_shop2", &Privilege::ALL);
    }
    check_schema(PATTERN_AND_COLUMNS, "my_shop__replank", &[]);
    check_schema(PATTERN_AND_COLUMNS, "other", &Privilege::ALL);
    check_schema(OLD_QUOTING, "my_shop", &all_but(&[Select, LockTables]));
    check_schema(ANSI_QUOTES, "my_shop", &all_but(&[Select]));
}

#[test]
fn privileges_on_columns_are_none_on_the_table() {
    check_table(PATTERN_AND_COLUMNS, "other", "t", &Privilege::ALL);
}

#[test]
fn a_table_cannot_be_granted_lock_tables() {
    check_table(TABLE_ONLY, "my_shop", "Order", &[CreateTemporaryTables, LockTables]);
    check_table(TABLE_ONLY, "my_shop", "User", &Privilege::ALL);
    check_table(TABLE_ONLY, "myXshop", "Order", &Privilege::ALL);
    check_schema(TABLE_ONLY, "my_shop", &Privilege::ALL);
}

#[test]
fn only_the_most_specific_pattern_counts() {
    check_schema(THREE_PATTERNS, "my_shop", &all_but(&[Update]));
    // `my%` and `my_shop` have their first wildcard at the same place: either may be the one that counts.
    check_schema(THREE_PATTERNS, "myXshop", &Privilege::ALL);
    check_schema(THREE_PATTERNS, "mine", &Privilege::ALL);
    check_schema(THREE_PATTERNS, "my_other", &all_but(&[Select]));
    let later_wildcard = ["GRANT INSERT ON `mysho%`.* TO `app`@`%`", "GRANT SELECT, INSERT ON `my%`.* TO `app`@`%`"];
    check_schema(&later_wildcard, "myshop", &all_but(&[Insert]));
}

#[test]
fn a_partial_revoke_takes_from_the_global_privileges() {
    check_schema(PARTIAL_REVOKE, "my_shop", &all_but(&[Select]));
    check_schema(PARTIAL_REVOKE, "other", &all_but(&[Select, Insert]));
}

#[test]
fn with_partial_revokes_schema_names_are_no_patterns() {
    let grants = Grants::parse(MYSQL_APP).with_literal_schemas();
    assert_eq!(grants.missing_on_schema(&Ident::new("my_shop"), &[Select]), [Select]);
    let grants = Grants::parse(PATTERN_AND_COLUMNS).with_literal_schemas();
    assert_eq!(grants.missing_on_schema(&Ident::new("my_shop"), &[Select]), [Select]);
    assert_eq!(grants.missing_on_schema(&Ident::new("my%"), &[Select]), []);
}

#[test]
fn an_active_role_adds_its_own_entries() {
    check_schema(MARIADB_ACTIVE_ROLE, "my_shop", &all_but(&[Select, Insert]));
    let grants = Grants::parse(MARIADB_ACTIVE_ROLE);
    assert!(grants.has_super());
    assert_eq!(grants.roles(), ["writer"]);
    assert_eq!(Grants::parse(PATTERN_AND_COLUMNS).roles(), ["writer@%", "reader@%"]);
}

#[test]
fn global_privileges_are_known_by_name() {
    for lines in [MYSQL_ROOT, MARIADB_ROOT] {
        let grants = Grants::parse(lines);
        assert!(grants.has_super() && grants.has_process());
    }
    let grants = Grants::parse(MYSQL_APP);
    assert!(grants.has_process() && !grants.has_super());
    assert!(Grants::parse(MYSQL_ROOT).has_global("CONNECTION_ADMIN"));
    assert!(!Grants::parse(PATTERN_AND_COLUMNS).has_process(), "ALL on a schema is not global");
}

#[test]
fn what_is_missing_keeps_the_order_it_was_asked_in() {
    let asked = [Trigger, Select, Alter, Create, Drop, Delete, Index, References, Update];
    let missing = Grants::parse(OLD_QUOTING).missing_on_schema(&Ident::new("my_shop"), &asked);
    assert_eq!(missing, [Trigger, Alter, Create, Drop, Delete, Index, References, Update]);
}

#[test]
fn the_statement_grants_on_the_schema_alone() {
    check_grant(&[], "app@%", "shop", "GRANT SELECT, LOCK TABLES ON `shop`.* TO 'app'@'%'");
    check_grant(&[], "app@%", "my_shop__replank", r"GRANT SELECT, LOCK TABLES ON `my\_shop\_\_replank`.* TO 'app'@'%'");
    check_grant(PARTIAL_REVOKE, "app@%", "my_shop", "GRANT SELECT, LOCK TABLES ON `my_shop`.* TO 'app'@'%'");
}

#[test]
fn the_statement_adds_to_the_pattern_that_counts() {
    check_grant(THREE_PATTERNS, "app@%", "mine_2", r"GRANT SELECT, LOCK TABLES ON `mine\_2`.* TO 'app'@'%'");
    check_grant(THREE_PATTERNS, "app@%", "my2", "GRANT SELECT, LOCK TABLES ON `my%`.* TO 'app'@'%'");
    // The role's pattern is not the account's.
    check_grant(MARIADB_ACTIVE_ROLE, "app@%", "my2", "GRANT SELECT, LOCK TABLES ON `my2`.* TO 'app'@'%'");
}

#[test]
fn accounts_are_quoted_whatever_they_are_called() {
    assert_eq!(Account::parse("app@10.0.%").to_string(), "'app'@'10.0.%'");
    assert_eq!(Account::parse("me@work@localhost").to_string(), "'me@work'@'localhost'");
    assert_eq!(Account::parse("a'b@%").to_string(), "`a'b`@'%'");
    assert_eq!(Account::parse("@localhost").to_string(), "''@'localhost'");
}

#[test]
fn lines_that_make_no_sense_are_passed_over() {
    for line in
        ["", "GRANT", "GRANT SELECT ON", "GRANT SELECT ON `a", "GRANT ((( ON", "SHOW", "GRANT SELECT ON `a`.* TO"]
    {
        assert_eq!(Grants::parse([line]), Grants::default(), "{line:?}");
    }
}

#[test]
fn patterns_match_as_the_servers_do() {
    for (pattern, name, expected) in [
        ("shop", "shop", true),
        ("shop", "Shop", false),
        ("s_op", "shop", true),
        (r"s\_op", "shop", false),
        (r"s\_op", "s_op", true),
        ("%", "", true),
        ("s%p%", "shop2", true),
        ("s%p", "shop2", false),
        (r"a\", r"a\", true),
        ("ä_", "äö", true),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
    }
}
