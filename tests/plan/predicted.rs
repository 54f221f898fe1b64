//! What is predicted of a change, against what a real server does with the algorithm asserted.

use crate::support::{Kind, Scenario, on_every_server};
use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use replank::plan::definition::read_create_table;
use replank::plan::predict::predict;
use replank::plan::read_clauses;
use replank::plan::strategy::Strategy;
use replank::server::Flavor;

const TABLE: &str = "CREATE TABLE t (
    id INT NOT NULL AUTO_INCREMENT,
    a INT NULL,
    b VARCHAR(50) NOT NULL DEFAULT 'x',
    c VARCHAR(191) NULL,
    d DECIMAL(10,2) NULL,
    e ENUM('A','B') NOT NULL DEFAULT 'A',
    f DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    g TEXT NULL,
    PRIMARY KEY (id), UNIQUE KEY u (c), KEY i (a), KEY j (b, a), CONSTRAINT positive CHECK (d > 0)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

/// Clauses in the forms that Prisma writes and people type.
const CLAUSES: &[&str] = &[
    "ADD COLUMN n INTEGER NULL",
    "ADD COLUMN n INTEGER NOT NULL",
    "ADD COLUMN n VARCHAR(191) NOT NULL DEFAULT 'y'",
    "ADD COLUMN n DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)",
    "ADD COLUMN n DATETIME(3) NOT NULL",
    "ADD COLUMN n DATE NOT NULL",
    "ADD COLUMN n TIME NOT NULL",
    "ADD COLUMN n TIMESTAMP NOT NULL",
    "ADD COLUMN n JSON NOT NULL",
    "ADD COLUMN n ENUM('A', 'B') NOT NULL",
    "ADD COLUMN n CHAR(36) NOT NULL DEFAULT (uuid())",
    "ADD COLUMN n INTEGER NULL AFTER a",
    "ADD COLUMN n INTEGER NULL FIRST",
    "ADD COLUMN n INTEGER NULL UNIQUE",
    "ADD COLUMN n INTEGER AS (a + 1) VIRTUAL",
    "ADD COLUMN n INTEGER AS (a + 1) STORED",
    "ADD COLUMN n INTEGER NULL, ADD COLUMN m TEXT NULL",
    "ADD COLUMN n INTEGER NULL, DROP COLUMN g",
    "ADD COLUMN n INTEGER NULL, ADD INDEX k (n)",
    "ADD COLUMN n INTEGER NULL, DROP INDEX i",
    "DROP COLUMN g",
    "DROP COLUMN a",
    "DROP COLUMN g, ADD COLUMN g INTEGER NULL",
    "RENAME COLUMN g TO h",
    "CHANGE g h TEXT NULL",
    "CHANGE a h INTEGER NULL",
    "MODIFY a INTEGER NULL DEFAULT 5",
    "MODIFY a BIGINT NULL",
    "MODIFY a INTEGER NOT NULL",
    "MODIFY b VARCHAR(50) NULL",
    "MODIFY b VARCHAR(60) NOT NULL DEFAULT 'x'",
    "MODIFY b VARCHAR(63) NOT NULL DEFAULT 'x'",
    "MODIFY b VARCHAR(64) NOT NULL DEFAULT 'x'",
    "MODIFY b VARCHAR(300) NOT NULL DEFAULT 'x'",
    "MODIFY b VARCHAR(20) NOT NULL DEFAULT 'x'",
    "MODIFY b CHAR(50) NOT NULL DEFAULT 'x'",
    "MODIFY b VARCHAR(50) CHARACTER SET latin1 NOT NULL DEFAULT 'x'",
    "MODIFY b VARCHAR(50) COLLATE utf8mb4_bin NOT NULL DEFAULT 'x'",
    "MODIFY c VARCHAR(255) NULL",
    "MODIFY c TEXT NULL, DROP INDEX u",
    "MODIFY d DECIMAL(12, 2) NULL",
    "MODIFY d DECIMAL(10, 2) NULL COMMENT 'money'",
    "MODIFY e ENUM('A', 'B', 'C') NOT NULL DEFAULT 'A'",
    "MODIFY e ENUM('A', 'C', 'B') NOT NULL DEFAULT 'A'",
    "MODIFY e ENUM('A') NOT NULL DEFAULT 'A'",
    "MODIFY f DATETIME(6) NOT NULL",
    "MODIFY g LONGTEXT NULL",
    "MODIFY g TEXT NULL FIRST",
    "MODIFY id BIGINT NOT NULL AUTO_INCREMENT",
    "ALTER COLUMN b DROP DEFAULT",
    "ALTER COLUMN a SET DEFAULT 7",
    "ADD INDEX k (d)",
    "ADD UNIQUE INDEX k (d, a)",
    "ADD FULLTEXT INDEX k (g)",
    "DROP INDEX i",
    "DROP INDEX i, DROP INDEX j",
    "DROP INDEX i, ADD INDEX i (d)",
    "RENAME INDEX i TO k",
    "RENAME INDEX i TO k, RENAME COLUMN g TO h",
    "DROP PRIMARY KEY, MODIFY id BIGINT NOT NULL AUTO_INCREMENT, ADD PRIMARY KEY (id)",
    "DROP PRIMARY KEY, ADD PRIMARY KEY (id, b)",
    "ADD CONSTRAINT k CHECK (a > 0)",
    "DROP CONSTRAINT positive",
    "COMMENT = 'x'",
    "ROW_FORMAT = DYNAMIC",
    "FORCE",
    "CONVERT TO CHARACTER SET utf8mb4",
    "CONVERT TO CHARACTER SET latin1",
    "PARTITION BY HASH (id) PARTITIONS 2",
    "AUTO_INCREMENT = 1000",
];

on_every_server!(nothing_is_predicted_to_be_cheaper_than_it_is);

async fn nothing_is_predicted_to_be_cheaper_than_it_is(server: crate::support::Server) -> Result<()> {
    let scenario = Scenario::new(&server, "predict", &[]).await?;
    let mut conn = scenario.connect().await?;
    let flavor = if server.kind == Kind::MySql97 { Flavor::MySql } else { Flavor::MariaDb };
    let mut exact = 0;
    let mut dearer = Vec::new();
    for clauses in CLAUSES {
        let tables = [TABLE.to_owned(), TABLE.replace("PRIMARY KEY (id),", "PRIMARY KEY (id), FULLTEXT KEY ft (g),")];
        for (table, create) in tables.iter().enumerate() {
            conn.query_drop("DROP TABLE IF EXISTS t").await?;
            conn.query_drop(create).await?;
            let shown: (String, String) = conn.query_first("SHOW CREATE TABLE t").await?.context("a table")?;
            let definition = read_create_table(&shown.1).and_then(|created| created.definition);
            let alter = read_clauses(clauses)?;
            let found = predict(&alter, &definition.context(shown.1)?, flavor).strategy;
            let mut possible = Strategy::Copy;
            let algorithms =
                [(Strategy::Instant, "ALGORITHM=INSTANT"), (Strategy::InPlace, "ALGORITHM=INPLACE, LOCK=NONE")];
            for (strategy, assertion) in algorithms {
                // Partitioning takes an algorithm only behind it or not at all, and always copies.
                let sql = format!("ALTER TABLE t {assertion}, {clauses}");
                let id = table_id(&mut conn, &scenario.schema, server.kind).await?;
                if !clauses.contains("PARTITION") && conn.query_drop(sql).await.is_ok() {
                    let rebuilt = table_id(&mut conn, &scenario.schema, server.kind).await? != id;
                    ensure!(
                        found == Strategy::Copy || !rebuilt,
                        "{clauses}: {found:?}, and the server rebuilt the table"
                    );
                    possible = strategy;
                    break;
                }
            }
            let rank = |strategy| match strategy {
                Strategy::Instant => 0,
                Strategy::InPlace => 1,
                Strategy::Copy => 2,
            };
            ensure!(
                rank(found) >= rank(possible),
                "{clauses} on table {table}: {found:?}, and the server {possible:?}"
            );
            if found == possible {
                exact += 1;
            } else if possible == Strategy::Instant {
                // Where the server works in place it may still rebuild, which counts as a copy.
                dearer.push(format!("{table} {clauses}: {found:?}"));
            }
        }
    }
    println!("{exact} of {} exact; instant in truth: {dearer:#?}", 2 * CLAUSES.len());
    ensure!(dearer.len() <= 6, "too much that is instant is predicted to be a copy: {dearer:#?}");
    Ok(())
}

/// InnoDB's number of the table, which another one gets when it is rebuilt.
async fn table_id(conn: &mut mysql_async::Conn, schema: &str, kind: Kind) -> Result<u64> {
    let dictionary = if kind == Kind::MySql97 { "innodb_tables" } else { "innodb_sys_tables" };
    let sql = format!("SELECT table_id FROM information_schema.{dictionary} WHERE name = '{schema}/t'");
    conn.query_first(sql).await?.context("the table is in InnoDB's dictionary")
}
