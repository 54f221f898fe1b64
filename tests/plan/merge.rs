//! Statements that are merged into one change give the table that they give one after the other.

use anyhow::{Context, Result, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use replank::deploy::step::{Action, steps};
use replank::sql::script::split;

use crate::support::{Scenario, Server, on_every_server};

on_every_server!(merged_changes_are_the_same);

const TABLE: &str = "CREATE TABLE t (
    id INT NOT NULL AUTO_INCREMENT, a INT NULL, b VARCHAR(50) NOT NULL DEFAULT 'x', c VARCHAR(191) NULL, d TEXT NULL,
    PRIMARY KEY (id), UNIQUE KEY u (c), KEY i (a), KEY j (b, a)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

/// One of each kind of clause that is merged, over few columns and indexes, so that many of them meet.
const STATEMENTS: &[&str] = &[
    "ALTER TABLE t ADD COLUMN e INTEGER NOT NULL DEFAULT 3",
    "ALTER TABLE t ADD COLUMN a2 INTEGER NULL, ADD COLUMN f DATETIME(3) NOT NULL DEFAULT '2026-01-01'",
    "ALTER TABLE t DROP COLUMN d",
    "ALTER TABLE t DROP COLUMN a",
    "ALTER TABLE t DROP COLUMN a, ADD COLUMN g VARCHAR(10) NULL",
    "ALTER TABLE t MODIFY a BIGINT NOT NULL",
    "ALTER TABLE t MODIFY b VARCHAR(60) NULL",
    "ALTER TABLE t ALTER COLUMN b DROP DEFAULT",
    "ALTER TABLE t ALTER COLUMN a SET DEFAULT 9",
    "CREATE INDEX i ON t(b)",
    "CREATE INDEX k ON t(a, b)",
    "CREATE UNIQUE INDEX k2 ON t(id, e)",
    "CREATE INDEX k3 ON t(e)",
    "CREATE INDEX k4 ON t(g)",
    "CREATE FULLTEXT INDEX ft ON t(b)",
    "DROP INDEX i ON t",
    "DROP INDEX j ON t",
    "DROP INDEX u ON t",
    "ALTER TABLE t RENAME INDEX j TO l",
];

async fn merged_changes_are_the_same(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "merge", &[]).await?;
    let mut conn = scenario.connect().await?;
    let (mut merged, mut failed) = (0, Vec::new());
    for first in STATEMENTS {
        for second in STATEMENTS {
            let text = format!("{first};\n{second};");
            let script = split(&text);
            let [step] = &steps(&script)[..] else { continue };
            let Action::TableChange(change) = &step.action else { continue };
            merged += 1;
            fill(&mut conn).await?;
            let apart = match apply(&mut conn, &[first, second]).await {
                Ok(()) => picture(&mut conn).await?,
                // What fails one after the other is no migration that anybody has.
                Err(_) => continue,
            };
            fill(&mut conn).await?;
            match apply(&mut conn, &[&format!("ALTER TABLE t {}", change.alter.spliced())]).await {
                Ok(()) => {
                    let together = picture(&mut conn).await?;
                    ensure!(apart == together, "{text}\ngives\n{apart}\nand together\n{together}");
                }
                Err(error) => failed.push(format!("{text}: {error}")),
            }
        }
    }
    ensure!(merged > 100, "only {merged} pairs are merged");
    ensure!(failed.is_empty(), "only apart: {failed:#?}");
    Ok(())
}

async fn fill(conn: &mut Conn) -> Result<()> {
    conn.query_drop("DROP TABLE IF EXISTS t").await?;
    conn.query_drop(TABLE).await?;
    Ok(conn.query_drop("INSERT INTO t (a, b, c) VALUES (1, 'one', 'o'), (2, 'two', NULL), (2, 'two', 't')").await?)
}

async fn apply(conn: &mut Conn, statements: &[&str]) -> Result<(), mysql_async::Error> {
    for statement in statements {
        conn.query_drop(*statement).await?;
    }
    Ok(())
}

async fn picture(conn: &mut Conn) -> Result<String> {
    let shown: (String, String) = conn.query_first("SHOW CREATE TABLE t").await?.context("a table")?;
    let rows: Vec<mysql_async::Row> = conn.query("SELECT * FROM t ORDER BY id").await?;
    Ok(format!("{}\n{:?}", shown.1, rows.into_iter().map(mysql_async::Row::unwrap).collect::<Vec<_>>()))
}
