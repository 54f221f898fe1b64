//! What takes changes back, on tables that are described.

use super::*;
use crate::deploy::step::steps;
use crate::findings::Size;
use crate::forecast::{Catalog, Found};
use crate::plan::definition::read_create_table;
use crate::sql::TableName;
use crate::sql::script::split;

const TABLE: &str = "CREATE TABLE `t` (`a` int NOT NULL, `b` int NOT NULL, `c` varchar(50) NOT NULL, \
                     `d` decimal(10,4) NOT NULL, `e` datetime(6) NOT NULL, PRIMARY KEY (`a`), KEY `i` (`b`))";

/// The clauses that take a script back, and what is lost.
fn back(script: &str) -> (String, Vec<String>) {
    let created = read_create_table(TABLE).expect("a table");
    let found = Found {
        name: TableName { schema: Ident::new("shop"), table: created.table.table },
        definition: created.definition,
        create_sql: TABLE.to_owned(),
        size: Size { rows: 1, bytes: 1, is_big: false },
    };
    let script = split(script);
    let steps = steps(&script);
    let mut catalog = Catalog::new(Ident::new("shop"), false, vec![found]);
    let standings: Vec<Standing<'_>> = steps.iter().map(|step| catalog.take(step, "1_x")).collect();
    let rollback = Rollback::of("1_x", &standings);
    let parts = rollback.parts.iter();
    let sql = parts.clone().flat_map(|part| part.sql.clone()).collect::<Vec<_>>().join("; ");
    (sql.replace("ALTER TABLE `t` ", "").replace(",\n    ", ", "), parts.flat_map(|part| part.lost.clone()).collect())
}

#[test]
fn keys_of_the_same_name_are_compared() {
    for (script, sql) in [
        ("ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (b)", "DROP PRIMARY KEY, ADD PRIMARY KEY (`a`)"),
        ("DROP INDEX i ON t; CREATE INDEX i ON t(a)", "DROP INDEX `i`, ADD KEY `i` (`b`)"),
        ("DROP INDEX i ON t; CREATE INDEX i ON t(b DESC)", "DROP INDEX `i`, ADD KEY `i` (`b`)"),
        ("ALTER TABLE t DROP INDEX i, ADD INDEX i (c(3))", "DROP INDEX `i`, ADD KEY `i` (`b`)"),
        ("DROP INDEX i ON t; CREATE INDEX i ON t(b)", ""),
        ("ALTER TABLE t RENAME COLUMN b TO x", "CHANGE COLUMN `x` `b` int NOT NULL"),
        (
            "ALTER TABLE t RENAME COLUMN a TO x, RENAME INDEX i TO j",
            "RENAME INDEX `j` TO `i`, CHANGE COLUMN `x` `a` int NOT NULL",
        ),
    ] {
        assert_eq!(back(script), (sql.to_owned(), Vec::new()), "{script}");
    }
}

#[test]
fn what_a_narrower_type_cuts_off_does_not_come_back() {
    for (clause, lost) in [
        ("d DECIMAL(10, 2) NOT NULL", "what decimal(10, 2) may have cut off the values of `d`"),
        ("e DATETIME NOT NULL", "what datetime may have cut off the values of `e`"),
        ("c VARCHAR(10) NOT NULL", "what varchar(10) may have cut off the values of `c`"),
    ] {
        assert_eq!(back(&format!("ALTER TABLE t MODIFY {clause}")).1, [lost], "{clause}");
    }
    for clause in ["d DECIMAL(12, 4) NOT NULL", "a BIGINT NOT NULL", "c VARCHAR(60) NULL"] {
        assert_eq!(back(&format!("ALTER TABLE t MODIFY {clause}")).1, Vec::<String>::new(), "{clause}");
    }
}

#[test]
fn one_file_of_somebody_does_not_keep_the_others_from_being_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let rollback = |name: &str| Rollback { migration: name.to_owned(), settings: Vec::new(), parts: Vec::new() };
    for name in ["1_a", "2_b", "3_c"] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    std::fs::write(folder.path().join("1_a/rollback.sql"), "-- mine").expect("a file");
    let failure = crate::forecast::save(folder.path(), &["1_a", "2_b", "3_c"].map(rollback)).expect_err("a conflict");
    assert!(failure.what.contains("1_a") && !failure.what.contains("2_b"), "{failure:?}");
    assert!(folder.path().join("2_b/rollback.sql").is_file() && folder.path().join("3_c/rollback.sql").is_file());
    let mine = std::fs::read_to_string(folder.path().join("1_a/rollback.sql")).expect("a file");
    assert_eq!(mine, "-- mine");
}
