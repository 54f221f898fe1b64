//! Each rule on tables that are described, with what it tells and what it asks: pairs of a case that fires and one that
//! does not.

use super::*;
use crate::deploy::step::steps;
use crate::forecast::{Catalog, Found, Standing};
use crate::plan::definition::read_create_table;
use crate::server::Flavor;
use crate::sql::script::split;
use crate::sql::{Ident, TableName};

const ORDER: &str = "CREATE TABLE `Order` (
    `id` int NOT NULL AUTO_INCREMENT,
    `email` varchar(191) DEFAULT NULL,
    `status` enum('open','paid','gone') NOT NULL DEFAULT 'open',
    `total` decimal(10,2) NOT NULL,
    `userId` int NOT NULL,
    `at` datetime(3) NOT NULL,
    PRIMARY KEY (`id`), KEY `Order_userId_at_idx` (`userId`,`at`), KEY `Order_status_idx` (`status`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1";

const USER: &str = "CREATE TABLE `User` (`id` int NOT NULL, `name` varchar(50) NOT NULL, PRIMARY KEY (`id`))";

fn catalog(rows: u64) -> Catalog {
    let found = |create: &str| {
        let created = read_create_table(create).expect("a table");
        Found {
            name: TableName { schema: Ident::new("shop"), table: created.table.table },
            definition: created.definition,
            create_sql: create.to_owned(),
            size: Size { rows, bytes: rows * 100, is_big: rows >= 10_000 },
        }
    };
    Catalog::new(Ident::new("shop"), false, vec![found(ORDER), found(USER)])
}

/// What a rule says of a migration: its texts, and the queries it asks behind a question mark.
fn said_of(rule: &str, name: &str, script: &str, has_rollback: bool, rows: u64) -> Vec<String> {
    let script = split(script);
    let steps = steps(&script);
    let mut catalog = catalog(rows);
    let standings: Vec<Standing<'_>> = steps.iter().map(|step| catalog.take(step, name)).collect();
    let cases = standings.into_iter().map(|standing| standing.case).collect();
    let case = Case { name, steps: cases, flavor: Flavor::MySql, has_rollback };
    let mut levels = Levels::default();
    RULES.iter().filter(|other| other.name != rule).for_each(|other| levels.set(other.name, Level::Off));
    let (findings, open) = examine(&case, &levels);
    let told = findings.into_iter().map(|finding| finding.text);
    told.chain(open.into_iter().map(|open| format!("? {}", open.question.sql))).collect()
}

fn said(rule: &str, script: &str) -> Vec<String> {
    said_of(rule, "20260101000000_add_order_sku", script, false, 20_000)
}

#[track_caller]
fn check(rule: &str, script: &str, expected: &[&str]) {
    assert_eq!(said(rule, script), expected, "{rule} on {script}");
}

#[test]
fn every_rule_says_what_it_is() {
    for rule in &RULES {
        assert!(rule.name.chars().all(|ch| ch.is_ascii_lowercase() || ch == '_'));
        assert!(!rule.about.ends_with('.') && !rule.fix.ends_with('.'), "{}", rule.name);
    }
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RULES.len());
}

#[test]
fn a_rule_that_is_off_says_nothing() {
    let script = split("DROP TABLE `Order`");
    let steps = steps(&script);
    let mut catalog = catalog(1);
    let cases = steps.iter().map(|step| catalog.take(step, "1_x").case).collect();
    let case = Case { name: "20260101000000_drop_order", steps: cases, flavor: Flavor::MySql, has_rollback: true };
    let mut levels = Levels::default();
    assert_eq!(examine(&case, &levels).0[0].level, Level::Warn);
    levels.set("drop_table", Level::Deny);
    assert_eq!(examine(&case, &levels).0[0].level, Level::Deny);
    levels.set("drop_table", Level::Off);
    assert_eq!(examine(&case, &levels).0, []);
}

#[test]
fn drop_table() {
    check("drop_table", "DROP TABLE `Order`", &["the table `Order` is dropped with its about 20,000 rows"]);
    check("drop_table", "CREATE TABLE a (id INT); DROP TABLE a; DROP VIEW v", &[]);
}

#[test]
fn drop_column() {
    let text = "the column `total` of `Order` is dropped with its values";
    check("drop_column", "ALTER TABLE `Order` DROP COLUMN `total`", &[text]);
    check("drop_column", "ALTER TABLE `Order` DROP INDEX `Order_status_idx`", &[]);
    // The rename says it.
    check("drop_column", "ALTER TABLE `Order` DROP COLUMN `total`, ADD COLUMN `sum` DECIMAL(10, 2) NULL", &[]);
}

#[test]
fn rename_by_drop_and_add() {
    let rule = "rename_by_drop_and_add";
    check(
        rule,
        "ALTER TABLE `Order` DROP COLUMN `total`, ADD COLUMN `sum` DECIMAL(10, 2) NULL",
        &[
            "`total` of `Order` is dropped and `sum` of the same type is added: if that is a rename, its values are lost",
        ],
    );
    check(
        rule,
        "ALTER TABLE `Order` DROP COLUMN `total`, ADD COLUMN `total` INTEGER NOT NULL",
        &["`total` of `Order` is dropped and made again: its values are lost"],
    );
    check(rule, "ALTER TABLE `Order` DROP COLUMN `total`, ADD COLUMN `sum` TEXT NULL", &[]);
    check(rule, "ALTER TABLE `Order` RENAME COLUMN `total` TO `sum`", &[]);
    let text = "`User` is dropped and `Person` with the same columns is made: if that is a rename, its rows are lost";
    let person = "CREATE TABLE `Person` (`id` INTEGER NOT NULL, `name` VARCHAR(50) NOT NULL, PRIMARY KEY (`id`))";
    check(rule, &format!("DROP TABLE `User`; {person}"), &[text]);
    check(rule, &format!("{person}; DROP TABLE `User`"), &[text]);
    check(rule, &format!("{person}; DROP TABLE `Order`"), &[]);
    check(
        rule,
        &person.replace("Person", "User").replace("CREATE", "DROP TABLE `User`; CREATE"),
        &["`User` is dropped and made again: its rows are lost"],
    );
    // The fix has the statements of all three migrations.
    let script = split("ALTER TABLE `Order` DROP COLUMN `total`, ADD COLUMN `sum` DECIMAL(10, 2) NULL");
    let steps = steps(&script);
    let mut catalog = catalog(1);
    let cases = steps.iter().map(|step| catalog.take(step, "1_x").case).collect();
    let case = Case { name: "1_x", steps: cases, flavor: Flavor::MySql, has_rollback: true };
    let findings = examine(&case, &Levels::default()).0;
    let finding = findings.iter().find(|finding| finding.rule == rule).expect("it is found");
    for statement in [
        "\"ALTER TABLE `Order` ADD COLUMN `sum` DECIMAL(10, 2) NULL\"",
        "\"UPDATE `Order` SET `sum` = `total` WHERE `sum` IS NULL\"",
        "\"ALTER TABLE `Order` DROP COLUMN `total`\"",
        "\"ALTER TABLE `Order` RENAME COLUMN `total` TO `sum`\"",
    ] {
        assert!(finding.fix.contains(statement), "{statement} in {}", finding.fix);
    }
}

#[test]
fn lossy_conversion() {
    let asked =
        |condition: &str| format!("? SELECT COUNT(*), MIN(`id`), MAX(`id`) FROM `shop`.`Order` WHERE {condition}");
    for (definition, conditions) in [
        ("`email` VARCHAR(100) NULL", "CHAR_LENGTH(`email`) > 100"),
        ("`email` TINYTEXT NULL", "OCTET_LENGTH(`email`) > 255"),
        (
            "`email` INTEGER NULL",
            "`email` NOT REGEXP '^-?[0-9]+$' OR CAST(`email` AS DECIMAL(65)) < -2147483648 OR CAST(`email` AS DECIMAL(65)) \
             > 2147483647",
        ),
        ("`userId` VARCHAR(10) NOT NULL", "CHAR_LENGTH(`userId`) > 10"),
        (
            "`email` VARCHAR(191) CHARACTER SET ascii NULL",
            "CAST(`email` AS BINARY) <> CAST(CONVERT(CONVERT(`email` USING ascii) USING latin1) AS BINARY)",
        ),
        ("`total` DECIMAL(8, 1) NOT NULL", "ABS(ROUND(`total`, 1)) >= 10000000; `total` <> ROUND(`total`, 1)"),
        (
            "`total` INTEGER NOT NULL",
            "ROUND(`total`) < -2147483648 OR ROUND(`total`) > 2147483647; `total` <> ROUND(`total`)",
        ),
        ("`userId` SMALLINT UNSIGNED NOT NULL", "`userId` < 0 OR `userId` > 65535"),
        ("`at` DATETIME(0) NOT NULL", "MICROSECOND(`at`) % 1000000 <> 0"),
        ("`at` DATE NOT NULL", "`at` <> DATE(`at`)"),
    ] {
        let asked: Vec<String> = conditions.split("; ").map(asked).collect();
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        check("lossy_conversion", &format!("ALTER TABLE `Order` MODIFY {definition}"), &asked);
    }
    let text = "`email` of `Order` becomes json from varchar(191): whether every value can be cast shows only when it is tried";
    check("lossy_conversion", "ALTER TABLE `Order` MODIFY `email` JSON NULL", &[text]);
    let text = "`userId` of `Order` becomes enum('1', '2') from int: whether every value can be cast shows only when it is tried";
    check("lossy_conversion", "ALTER TABLE `Order` MODIFY `userId` ENUM('1', '2') NOT NULL", &[text]);
    check(
        "lossy_conversion",
        "ALTER TABLE `Order` CONVERT TO CHARACTER SET ascii",
        &[&asked("CAST(`email` AS BINARY) <> CAST(CONVERT(CONVERT(`email` USING ascii) USING latin1) AS BINARY)")],
    );
    check("lossy_conversion", "ALTER TABLE `Order` CONVERT TO CHARACTER SET utf8mb4", &[]);
    for fits in [
        "`email` VARCHAR(191) NOT NULL",
        "`email` TEXT NULL",
        "`total` DECIMAL(12, 2) NOT NULL",
        "`userId` BIGINT NOT NULL",
        "`userId` VARCHAR(20) NOT NULL",
        "`userId` VARCHAR(11) NOT NULL",
        "`userId` TINYTEXT NOT NULL",
        "`email` VARCHAR(191) CHARACTER SET utf8mb4 NULL",
        "`at` DATETIME(6) NOT NULL",
        "`status` VARCHAR(4) NOT NULL COMMENT 'all values fit'",
    ] {
        let found = said("lossy_conversion", &format!("ALTER TABLE `Order` MODIFY {fits}"));
        let is_status = fits.starts_with("`status`");
        assert_eq!(found.len(), usize::from(is_status), "{fits}: {found:?}");
    }
}

#[test]
fn enum_value_removed() {
    let rule = "enum_value_removed";
    check(
        rule,
        "ALTER TABLE `Order` MODIFY `status` ENUM('open', 'paid') NOT NULL",
        &[
            "? SELECT `status`, COUNT(*) FROM `shop`.`Order` WHERE `status` IN ('gone') GROUP BY `status` ORDER BY 2 DESC",
        ],
    );
    check(rule, "ALTER TABLE `Order` MODIFY `status` ENUM('open', 'paid', 'gone', 'sent') NOT NULL", &[]);
}

#[test]
fn null_values() {
    let rule = "null_values";
    check(
        rule,
        "ALTER TABLE `Order` MODIFY `email` VARCHAR(191) NOT NULL",
        &["? SELECT COUNT(*), MIN(`id`), MAX(`id`) FROM `shop`.`Order` WHERE `email` IS NULL"],
    );
    check(rule, "ALTER TABLE `Order` MODIFY `total` DECIMAL(10, 2) NULL", &[]);
    check(
        rule,
        "ALTER TABLE `Order` DROP PRIMARY KEY, ADD PRIMARY KEY (`userId`, `email`), ADD UNIQUE INDEX u (`id`)",
        &["? SELECT COUNT(*), MIN(`id`), MAX(`id`) FROM `shop`.`Order` WHERE `email` IS NULL"],
    );
    check(rule, "ALTER TABLE `Order` DROP PRIMARY KEY, ADD PRIMARY KEY (`userId`)", &[]);
}

#[test]
fn duplicate_values() {
    let rule = "duplicate_values";
    check(
        rule,
        "CREATE UNIQUE INDEX `k` ON `Order`(`email`(10), `at`)",
        &[
            "? SELECT COUNT(*), LEFT(`email`, 10), `at` FROM `shop`.`Order` WHERE LEFT(`email`, 10) IS NOT NULL AND `at` IS \
           NOT NULL GROUP BY LEFT(`email`, 10), `at` HAVING COUNT(*) > 1 ORDER BY 1 DESC, LEFT(`email`, 10), `at` LIMIT 4",
        ],
    );
    check(
        rule,
        "ALTER TABLE `Order` ADD COLUMN `x` INTEGER NOT NULL; CREATE UNIQUE INDEX `k` ON `Order`(`x`)",
        &["? SELECT COUNT(*) FROM (SELECT 1 FROM `shop`.`Order` LIMIT 2) some"],
    );
    // The primary key is unique already, a new column has nothing to ask about, and an index is not unique.
    check(rule, "CREATE UNIQUE INDEX `k` ON `Order`(`id`, `at`)", &[]);
    check(rule, "ALTER TABLE `Order` ADD COLUMN `x` INTEGER NULL, ADD UNIQUE INDEX `k`(`x`)", &[]);
    check(rule, "CREATE INDEX `k` ON `Order`(`email`)", &[]);
}

#[test]
fn required_without_default() {
    let rule = "required_without_default";
    check(
        rule,
        "ALTER TABLE `Order` ADD COLUMN `sku` VARCHAR(64) NOT NULL",
        &["? SELECT COUNT(*) FROM (SELECT 1 FROM `shop`.`Order` LIMIT 1) some"],
    );
    check(
        rule,
        "RENAME TABLE `Order` TO `Sale`; ALTER TABLE `Sale` ADD COLUMN `sku` VARCHAR(64) NOT NULL",
        &["`sku` of `Sale` is new, NOT NULL and has no default"],
    );
    check(rule, "ALTER TABLE `Order` ADD COLUMN `a` INTEGER NULL, ADD COLUMN `b` INTEGER NOT NULL DEFAULT 1", &[]);
    check(rule, "CREATE TABLE a (id INT); ALTER TABLE a ADD COLUMN b INT NOT NULL", &[]);
}

#[test]
fn primary_key_change() {
    let rule = "primary_key_change";
    check(
        rule,
        "ALTER TABLE `Order` DROP PRIMARY KEY, MODIFY `id` BIGINT NOT NULL AUTO_INCREMENT, ADD PRIMARY KEY (`id`)",
        &["the primary key of `Order` changes its type: `id` is int and becomes bigint"],
    );
    check(
        rule,
        "ALTER TABLE `User` DROP PRIMARY KEY, ADD PRIMARY KEY (`id`, `name`)",
        &["the primary key of `User` becomes (id, name) from (id)"],
    );
    check(rule, "ALTER TABLE `User` DROP PRIMARY KEY", &["`User` loses its primary key (id)"]);
    check(rule, "ALTER TABLE `Order` MODIFY `userId` BIGINT NOT NULL", &[]);
}

#[test]
fn charset_conversion() {
    let rule = "charset_conversion";
    check(
        rule,
        "ALTER TABLE `Order` CONVERT TO CHARACTER SET utf8mb4",
        &["every text column of `Order` is converted to utf8mb4, from 1 to 4 bytes for a character at most"],
    );
    check(
        rule,
        "ALTER TABLE `Order` MODIFY `email` VARCHAR(800) NULL, ADD INDEX `k`(`email`);\
         ALTER TABLE `Order` CONVERT TO CHARACTER SET utf8mb4",
        &[
            "every text column of `Order` is converted to utf8mb4, from 1 to 4 bytes for a character at most; the index \
           `k` would be longer than 3072 bytes",
        ],
    );
    check(rule, "ALTER TABLE `Order` MODIFY `email` VARCHAR(200) NULL", &[]);
}

#[test]
fn blocking_statement() {
    let rule = "blocking_statement";
    check(
        rule,
        "UPDATE `Order` SET total = 1; ALTER TABLE IF EXISTS `Order` ADD COLUMN a INT",
        &[
            "UPDATE works on `Order`, which has about 20,000 rows, in one transaction",
            "`Order` has about 20,000 rows and is changed by the server: IGNORE and IF EXISTS are not done online",
        ],
    );
    let levels = |script: &str| -> Vec<Level> {
        let script = split(script);
        let steps = steps(&script);
        let mut catalog = catalog(20_000);
        let cases = steps.iter().map(|step| catalog.take(step, "1_x").case).collect();
        let case = Case { name: "1_x", steps: cases, flavor: Flavor::MySql, has_rollback: true };
        let findings = examine(&case, &Levels::default()).0;
        findings.iter().filter(|finding| finding.rule == rule).map(|finding| finding.level).collect()
    };
    for (script, expected) in [
        ("UPDATE `Order` SET total = 1", Level::Deny),
        ("UPDATE `Order` SET total = 1 WHERE id = 5", Level::Warn),
        ("DELETE FROM `Order`", Level::Deny),
        ("DELETE FROM `Order` WHERE id = 5", Level::Warn),
        ("UPDATE nothing, `Order` SET nothing.a = 1", Level::Deny),
        ("UPDATE nothing JOIN `Order` ON a = id SET nothing.a = 1 WHERE a = 3", Level::Warn),
        ("WITH w AS (SELECT 1) UPDATE `Order` SET total = 1", Level::Deny),
        ("LOAD DATA INFILE 'x' INTO TABLE `Order`", Level::Warn),
        ("CREATE TABLE x AS SELECT * FROM `Order`", Level::Deny),
        ("INSERT INTO nothing SELECT * FROM `Order` WHERE id < 10", Level::Warn),
        ("CALL p()", Level::Warn),
        ("EXECUTE s", Level::Warn),
        ("OPTIMIZE TABLE `Order`", Level::Deny),
    ] {
        assert_eq!(levels(script), [expected], "{script}");
    }
    check(rule, "CALL p()", &["what CALL runs is not known here"]);
    assert_eq!(said_of(rule, "1_x", "UPDATE `Order` SET total = 1", false, 9_999), Vec::<String>::new());
    check(rule, "ALTER TABLE `Order` ADD COLUMN a INT; INSERT INTO `Order` VALUES (1)", &[]);
}

/// What an answer says now, an earlier statement of the migrations may change.
#[test]
fn rows_that_are_mended_first_deny_nothing() {
    let found = |script: &str, rule: &str| {
        let script = split(script);
        let steps = steps(&script);
        let mut catalog = catalog(1);
        let cases = steps.iter().map(|step| catalog.take(step, "1_x").case).collect();
        let case = Case { name: "1_x", steps: cases, flavor: Flavor::MySql, has_rollback: true };
        let open = examine(&case, &Levels::default()).1.into_iter().find(|open| open.rule.name == rule);
        let row = vec![Some("2".to_owned()), Some("4".to_owned()), Some("9".to_owned())];
        let finding = open.expect("it asks").settle(Some(&vec![row])).expect("it finds");
        (finding.level, finding.text)
    };
    let tighten = "ALTER TABLE `Order` MODIFY `email` VARCHAR(191) NOT NULL";
    let text = "2 rows of `Order` have NULL in `email`, which becomes NOT NULL, between `id` 4 and 9";
    assert_eq!(found(tighten, "null_values"), (Level::Deny, text.to_owned()));
    for (mends, number) in [
        ("UPDATE `Order` SET email = '' WHERE email IS NULL", 1),
        ("DELETE FROM `Order` WHERE email IS NULL", 1),
        ("UPDATE `User` u JOIN `Order` o ON o.userId = u.id SET o.email = u.name", 1),
        ("SET @a = 1; CALL mend()", 2),
    ] {
        let mended = (Level::Warn, format!("{text}, as of now; statement {number} may mend it"));
        assert_eq!(found(&format!("{mends}; {tighten}"), "null_values"), mended, "{mends}");
    }
    assert_eq!(found(&format!("UPDATE `User` SET name = 'x'; {tighten}"), "null_values").0, Level::Deny);
    let shrink = "ALTER TABLE `Order` MODIFY `email` VARCHAR(10) NULL";
    assert_eq!(
        found(&format!("UPDATE `Order` SET email = LEFT(email, 10); {shrink}"), "lossy_conversion").0,
        Level::Warn
    );
    let unique = "CREATE UNIQUE INDEX `k` ON `Order`(`email`)";
    assert_eq!(found(&format!("DELETE FROM `Order`; {unique}"), "duplicate_values").0, Level::Warn);
    // Rows that are there need a value for a new column, whatever is written to the others.
    let add = "ALTER TABLE `Order` ADD COLUMN `sku` VARCHAR(64) NOT NULL";
    assert_eq!(found(&format!("UPDATE `Order` SET total = 1; {add}"), "required_without_default").0, Level::Deny);
}

#[test]
fn implicit_commit() {
    let rule = "implicit_commit";
    check(
        rule,
        "UPDATE `Order` SET total = 1; ALTER TABLE `Order` ADD COLUMN a INT; UPDATE `Order` SET a = 1",
        &["rows were changed above this statement, and stay changed if it fails"],
    );
    check(
        rule,
        "START TRANSACTION; CREATE TABLE a (id INT); COMMIT; CREATE TABLE b (id INT)",
        &["this statement commits the transaction that was begun above it"],
    );
    check(rule, "ALTER TABLE `Order` ADD COLUMN a INT; UPDATE `Order` SET a = 1", &[]);
    for off in [
        "SET autocommit = 0",
        "SET SESSION autocommit=OFF",
        "SET @@autocommit := 0",
        "set @@session.autocommit = false",
    ] {
        check(
            rule,
            &format!("{off}; CREATE TABLE a (id INT); UPDATE `Order` SET total = 1; CREATE TABLE b (id INT); COMMIT"),
            &["this statement commits what was written since autocommit was turned off"],
        );
    }
    check(rule, "SET autocommit = 0; UPDATE `Order` SET total = 1; SET autocommit = 1; CREATE TABLE b (id INT)", &[]);
}

#[test]
fn foreign_key_without_index() {
    let rule = "foreign_key_without_index";
    let key = |column: &str| {
        format!(
            "ALTER TABLE `Order` ADD CONSTRAINT `f` FOREIGN KEY (`{column}`) REFERENCES `User`(`id`) ON DELETE CASCADE"
        )
    };
    check(rule, &key("total"), &["the foreign key over (total) of `Order` has no index: the server makes one"]);
    check(rule, &key("userId"), &[]);
    let created = |index: &str| format!("CREATE TABLE x (a INT{index}, FOREIGN KEY (a) REFERENCES `User`(id))");
    check(rule, &created(""), &["the foreign key over (a) of `x` has no index: the server makes one"]);
    check(rule, &created(", KEY (a)"), &[]);
    check(rule, &created(" PRIMARY KEY"), &[]);
    check(rule, &format!("CREATE INDEX i ON `Order`(`total`, `at`);{}", key("total")), &[]);
}

#[test]
fn redundant_index() {
    let rule = "redundant_index";
    check(rule, "CREATE INDEX k ON `Order`(`userId`)", &["`k` of `Order` is the beginning of `Order_userId_at_idx`"]);
    check(
        rule,
        "CREATE INDEX k ON `Order`(`status`, `at`)",
        &["`Order_status_idx` of `Order` is the beginning of `k`"],
    );
    check(
        rule,
        "CREATE INDEX k ON `Order`(`total`); CREATE INDEX l ON `Order`(`total`)",
        &["`k` of `Order` is the beginning of `l`"],
    );
    check(rule, "CREATE UNIQUE INDEX k ON `Order`(`userId`)", &[]);
    let text = "`k` of `x` is the beginning of `l`";
    check(rule, "CREATE TABLE x (a INT, b INT, PRIMARY KEY (b), KEY k (a), KEY l (a, b))", &[text]);
    check(rule, "CREATE TABLE x (a INT, b INT, PRIMARY KEY (b), KEY k (a DESC), KEY l (a, b))", &[text]);
    check(rule, "CREATE TABLE x (a INT, b INT, c INT, KEY k (a, b DESC), KEY l (a, b, c))", &[]);
    check(rule, "CREATE TABLE x (a INT, b INT, KEY k (a), KEY l (a, b)); SELECT 1; DROP INDEX k ON x", &[]);
    check(rule, "CREATE TABLE x (a INT, b INT, PRIMARY KEY (a), KEY k (b, a))", &[]);
    check(rule, "CREATE INDEX k ON `Order`(`at`)", &[]);
    check(rule, "DROP INDEX `Order_status_idx` ON `Order`; CREATE INDEX k ON `Order`(`status`, `at`)", &[]);
    check(rule, "CREATE INDEX k ON `Order`(`status`, `at`); SELECT 1; DROP INDEX `Order_status_idx` ON `Order`", &[]);
}

#[test]
fn dependent_program() {
    let rule = "dependent_program";
    let found = said(rule, "ALTER TABLE `Order` DROP COLUMN `total`, RENAME COLUMN `email` TO `mail`");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("information_schema.views"), "{found:?}");
    check(rule, "ALTER TABLE `Order` ADD COLUMN a INT, MODIFY `total` BIGINT NOT NULL", &[]);
    check(rule, "CREATE TABLE x (id INT PRIMARY KEY, a INT); ALTER TABLE x DROP COLUMN a", &[]);
}

#[test]
fn unused_index() {
    let found = said("unused_index", "CREATE INDEX k ON `Order`(`at`); CREATE INDEX l ON `Order`(`at`, `id`)");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("table_io_waits_summary_by_index_usage"), "{found:?}");
    check("unused_index", "ALTER TABLE `Order` ADD COLUMN a INT", &[]);
}

#[test]
fn index_before_its_use() {
    let rule = "index_before_its_use";
    check(
        rule,
        "ALTER TABLE `Order` ADD COLUMN `sku` VARCHAR(64) NULL; CREATE INDEX `k` ON `Order`(`sku`, `at`)",
        &["`k` of `Order` begins with `sku`, which is new"],
    );
    check(rule, "ALTER TABLE `Order` ADD COLUMN `sku` TEXT NULL; CREATE INDEX `k` ON `Order`(`at`, `sku`(10))", &[]);
    check(rule, "CREATE TABLE a (id INT); ALTER TABLE a ADD COLUMN b INT, ADD INDEX k (b)", &[]);
}

#[test]
fn drift() {
    let rule = "drift";
    for (script, text) in [
        ("CREATE TABLE IF NOT EXISTS a (id INT)", "IF NOT EXISTS makes the effect depend on what is there"),
        ("DROP TABLE IF EXISTS a", "IF EXISTS makes the effect depend on what is there"),
        ("ALTER TABLE `Order` DROP COLUMN IF EXISTS total", "IF EXISTS makes the effect depend on what is there"),
        ("USE other", "USE leaves the database that Prisma replays in"),
        (
            "ALTER TABLE shop.`Order` ADD COLUMN a INT",
            "the table is named with its database, `shop`, which is not the one that Prisma replays in",
        ),
        ("CREATE OR REPLACE TABLE a (id INT)", "OR REPLACE makes the effect depend on what is there"),
        ("CREATE UNIQUE INDEX IF NOT EXISTS i ON a(id)", "IF NOT EXISTS makes the effect depend on what is there"),
    ] {
        check(rule, script, &[text]);
    }
    let executable = said(rule, "ALTER TABLE `Order` ADD COLUMN a INT /*!80023 INVISIBLE */");
    assert!(executable[0].starts_with("executable comment"), "{executable:?}");
    for compared_by_nobody in [
        "ALTER TABLE `Order` ENGINE=MyISAM",
        "DROP TRIGGER IF EXISTS x",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "DROP PROCEDURE IF EXISTS p",
        "CREATE TEMPORARY TABLE IF NOT EXISTS a (id INT)",
    ] {
        check(rule, compared_by_nobody, &[]);
    }
    let body = "CREATE PROCEDURE p() BEGIN DROP TABLE IF EXISTS x; END";
    check(rule, &format!("{body}; ALTER TABLE `Order` ADD COLUMN `if` INT; CREATE VIEW v AS SELECT 1"), &[]);
}

#[test]
fn missing_rollback() {
    let script = "ALTER TABLE `Order` DROP COLUMN total";
    check("missing_rollback", script, &["data is removed and there is no rollback.sql"]);
    assert_eq!(said_of("missing_rollback", "1_x", script, true, 1), Vec::<String>::new());
    check("missing_rollback", "ALTER TABLE `Order` ADD COLUMN a INT", &[]);
}

#[test]
fn several_changes() {
    let rule = "several_changes";
    check(
        rule,
        "ALTER TABLE `Order` ADD COLUMN a INT; ALTER TABLE `User` ADD COLUMN a INT; CREATE TABLE x (id INT)",
        &["one migration changes `Order`, `User`, new tables"],
    );
    check(rule, "ALTER TABLE `Order` ADD COLUMN a INT; CREATE INDEX i ON `Order`(a)", &[]);
    check(rule, "CREATE TABLE x (id INT); CREATE TABLE y (id INT); CREATE INDEX i ON x(id)", &[]);
}

#[test]
fn migration_name() {
    let of = |name: &str| said_of("migration_name", name, "SELECT 1", false, 1);
    for good in ["20260101000000_add_order_sku", "20260101000000_init", "0_init", "20260101000000_add_index_a_b", "x"] {
        assert_eq!(of(good), Vec::<String>::new(), "{good}");
    }
    assert_eq!(of("20260101000000"), ["has no name behind its stamp"]);
    assert_eq!(of("20260101000000_order_sku"), ["the name `order_sku` does not begin with what is done"]);
    assert_eq!(of("20260101000000_update"), ["the name `update` does not say what it is done to"]);
    assert_eq!(
        of("20260101000000_addOrderSku"),
        ["the name `addOrderSku` is not of lower-case words with underscores between them"]
    );
}

#[test]
fn answers_are_read() {
    let script = split("CREATE UNIQUE INDEX `k` ON `Order`(`email`)");
    let steps = steps(&script);
    let mut catalog = catalog(1);
    let cases = steps.iter().map(|step| catalog.take(step, "1_x").case).collect();
    let case = Case { name: "20260101000000_add_k_x", steps: cases, flavor: Flavor::MySql, has_rollback: true };
    let settle = |answer: Option<&[[&str; 2]]>| {
        let (_, open) = examine(&case, &Levels::default());
        let open = open.into_iter().find(|open| open.rule.name == "duplicate_values").expect("it asks");
        let rows =
            |rows: &[[&str; 2]]| rows.iter().map(|row| row.iter().map(|v| Some((*v).to_owned())).collect()).collect();
        let answer: Option<Answer> = answer.map(rows);
        open.settle(answer.as_ref()).map(|finding| finding.text)
    };
    assert_eq!(settle(Some(&[])), None);
    let found = settle(Some(&[["3", "a"], ["2", "b"]])).unwrap();
    assert_eq!(found, "`k` of `Order`, unique over (email): there are duplicates, (a) 3 times, (b) 2 times");
    assert_eq!(settle(None).unwrap(), "`k` of `Order`, unique over (email): there was no time to look for duplicates");
}
