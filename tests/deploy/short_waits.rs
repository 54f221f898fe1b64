//! Statements that lock a table which somebody holds: the application does not queue behind the deploy for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use crate::project::Project;
use crate::support::{Kind, Server, on_every_server};

on_every_server!(readers_do_not_queue_behind_a_statement, who_holds_the_table_is_named);

const A: &str = "20260301000000_a";
const TABLE: &str = "CREATE TABLE busy (id INT PRIMARY KEY, a INT); INSERT INTO busy VALUES (1, 1)";
const TRIGGER: &str = "CREATE TRIGGER x BEFORE INSERT ON busy FOR EACH ROW SET NEW.a = 1";

/// Attempts that leave a lock pending are told of from three seconds on, so a reader who waited for the first of them
/// would have waited longer than this. MariaDB's shortest wait is one second; the rest is for a loaded machine.
const LONGEST_READ: Duration = Duration::from_millis(2_500);

async fn readers_do_not_queue_behind_a_statement(server: Server) -> Result<()> {
    let one = |name: &'static str, before: &'static str, statement: &'static str| {
        let server = server.clone();
        async move { waits(&server, before, statement).await.with_context(|| name) }
    };
    tokio::try_join!(
        one("rename", "", "RENAME TABLE busy TO other"),
        one("truncate", "", "TRUNCATE TABLE busy"),
        one("drop", "", "DROP TABLE busy"),
        one("trigger", "", TRIGGER),
        one("no trigger", TRIGGER, "DROP TRIGGER x"),
        one("alter", "", "ALTER TABLE busy ADD COLUMN b INT NULL"),
        one("parent", "", "CREATE TABLE c (id INT PRIMARY KEY, CONSTRAINT f FOREIGN KEY (id) REFERENCES busy (id))"),
    )?;
    Ok(())
}

/// A transaction has read the table and stays open; the statement waits for it, and other readers go on.
async fn waits(server: &Server, before: &str, statement: &str) -> Result<()> {
    let project = Project::new(server, "waits").await?;
    project.feed(&format!("{TABLE}; CREATE TABLE r (waits INT); {before}")).await?;
    // Whatever was done to the session's patience is undone.
    project.add(A, format!("{statement};\nINSERT INTO r SELECT @@SESSION.lock_wait_timeout;\n"))?;
    let mut holder = project.scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    let _: Vec<u32> = holder.query("SELECT id FROM busy").await?;
    let mut run = project.deploy(&["--lock-patience", "50s"]).start()?;
    if !run.reaches(|seen| seen.is("statement_started")).await? {
        anyhow::bail!("it never began: {:#?}", run.finish().await?);
    }

    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (stop, mut conn) = (Arc::clone(&stop), project.scenario.connect().await?);
        async move {
            let mut longest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                let _: Vec<u32> = conn.query("SELECT id FROM busy").await?;
                longest = longest.max(began.elapsed());
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            anyhow::Ok((longest, conn.disconnect().await?).0)
        }
    });
    let attempted = run.reaches(|seen| seen.is("lock_attempt")).await?;
    stop.store(true, Ordering::Relaxed);
    let longest = reader.await??;
    // MariaDB makes a child without looking at who reads the parent.
    let is_free = statement.contains("REFERENCES") && server.kind != Kind::MySql97;
    if attempted == is_free {
        let outcome = run.finish().await?;
        anyhow::bail!("waited: {attempted}\n{}{:#?}", outcome.stderr, outcome.events);
    }
    ensure!(longest < LONGEST_READ, "a reader waited for {longest:?}");
    holder.query_drop("COMMIT").await?;
    let outcome = run.finish().await?.expect_code(0)?;
    if server.kind == Kind::MySql97 {
        let blocker = outcome.events("lock_attempt").next().map(|seen| seen.event["blocker"].to_string());
        ensure!(blocker.as_ref().is_some_and(|text| text.contains("connection")), "the blocker is {blocker:?}");
    }
    ensure!(project.value("SELECT waits FROM r").await? == "50", "{}", project.value("SELECT waits FROM r").await?);
    Ok(())
}

async fn who_holds_the_table_is_named(server: Server) -> Result<()> {
    let project = Project::new(&server, "held").await?;
    project.feed(TABLE).await?;
    project.add(A, "DROP TABLE busy;\n")?;
    let mut holder = project.scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    let _: Vec<u32> = holder.query("SELECT id FROM busy").await?;
    let id: u32 = holder.query_first("SELECT CONNECTION_ID()").await?.context("an id")?;
    let outcome = project.command(&["deploy", "--lock-patience", "1s"]).run().await?.expect_code(1)?;
    for text in ["Error: P3018", "Database error code: 1205", "`replank deploy` goes on with statement 1"] {
        ensure!(outcome.stderr.contains(text), "no {text}: {}", outcome.stderr);
    }
    // MariaDB names the oldest transaction of the server, which may be another test's.
    let holder_is_named = outcome.stderr.contains(&format!("the table is held by connection {id} "));
    ensure!(holder_is_named || server.kind != Kind::MySql97, "{}", outcome.stderr);
    ensure!(outcome.stderr.contains("the table is held by "), "{}", outcome.stderr);

    // A stop is heeded while it waits, and nothing is lost by it.
    let mut run = project.deploy(&["--lock-patience", "50s"]).start()?;
    ensure!(run.reaches(|seen| seen.is("statement_started")).await?, "it never began");
    run.interrupt()?;
    run.finish().await?.expect_code(130)?;
    holder.query_drop("COMMIT").await?;
    project.deploy(&[]).succeed().await?;
    ensure!(project.value("SHOW TABLES LIKE 'busy'").await?.is_empty(), "it is still there");
    Ok(())
}
