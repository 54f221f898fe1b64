//! A process that is killed in a native change: `resume` or `abort` do what the definition asks for.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mysql_async::Row;
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

use crate::intercept::{Intercept, Then};
use crate::support::{Kind, Program, Run, Scenario, Server, on_every_server, prisma, residue};
use crate::{Before, DDL, expect_no_run, shop};

on_every_server!(
    killed_before_the_change,
    killed_before_the_change_and_aborted,
    killed_between_change_and_record,
    killed_between_change_and_record_with_checks,
    altered_by_somebody_else_meanwhile,
    not_possible_any_more,
    resumed_without_a_record,
    killed_while_the_server_is_at_it,
);

const CLAUSES: &str = "ADD COLUMN `sku` VARCHAR(64) NULL";

/// A run that cannot get at its table, and the connection that keeps it away.
async fn held_back(scenario: &Scenario, clauses: &str) -> Result<(Run, mysql_async::Conn)> {
    let mut holder = scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    holder.query_drop("SELECT id FROM `Order` LIMIT 1").await?;
    let mut run = scenario.alter("Order", clauses, "native").start()?;
    ensure!(run.reaches_phase("native").await?, "it never came to the change");
    Ok((run, holder))
}

/// The same, killed and forgotten by the server.
async fn killed_before(scenario: &Scenario) -> Result<()> {
    let (mut run, mut holder) = held_back(scenario, CLAUSES).await?;
    sleep(Duration::from_millis(300)).await;
    run.kill();
    run.finish().await?;
    holder.query_drop("ROLLBACK").await?;
    ensure!(!has_column(scenario).await?, "the table was changed after all");
    Ok(())
}

async fn has_column(scenario: &Scenario) -> Result<bool> {
    let mut conn = scenario.connect().await?;
    Ok(residue::definition(&mut conn, "`Order`").await?.contains("`sku`"))
}

async fn killed_before_the_change(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let before = Before::look(&scenario).await?;
    killed_before(&scenario).await?;
    scenario.replank("resume", "Order").succeed().await?;
    before.expect_changed(&scenario, CLAUSES).await
}

async fn killed_before_the_change_and_aborted(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let before = Before::look(&scenario).await?;
    killed_before(&scenario).await?;
    scenario.replank("abort", "Order").succeed().await?;
    ensure!(!has_column(&scenario).await?, "the table was changed after all");
    ensure!(prisma::recorded(&mut scenario.connect().await?).await?.is_empty(), "the ledger still has a row");
    ensure!(prisma::folders(&scenario)?.is_empty(), "there is a folder of the migration");
    // Nothing is in the way of the next try.
    scenario.alter("Order", CLAUSES, "native").succeed().await?;
    before.expect_changed(&scenario, CLAUSES).await
}

async fn killed_between_change_and_record(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    killed_after(&scenario, &DDL, CLAUSES).await
}

/// An empty table of the same definition has the checks under other names: MySQL counts them anew.
async fn killed_between_change_and_record_with_checks(server: Server) -> Result<()> {
    let ddl = ["CREATE TABLE `Order` (`id` INTEGER NOT NULL AUTO_INCREMENT, `quantity` INTEGER NOT NULL,
        `note` VARCHAR(64) NULL CHECK (`note` <> ' FOREIGN KEY '),
        CONSTRAINT `positive` CHECK (`quantity` > 0), CONSTRAINT `Order_chk_7` CHECK (`quantity` < 1000),
        CONSTRAINT `a FOREIGN KEY (x)` CHECK (`quantity` <> 13), CHECK (`quantity` <> 14),
        PRIMARY KEY (`id`)) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"];
    let scenario = Scenario::new(&server, "checks", &ddl).await?;
    killed_after(&scenario, &ddl, CLAUSES).await?;
    // One more check, by a clause, which the server names.
    let scenario = Scenario::new(&server, "checks", &ddl).await?;
    let clauses = match server.kind {
        Kind::MySql97 => "ADD COLUMN `sku` VARCHAR(64) NULL CHECK (`sku` <> '') NOT ENFORCED",
        Kind::MariaDb1011 | Kind::MariaDb118 => "ADD COLUMN `sku` VARCHAR(64) NULL CHECK (`sku` <> '')",
    };
    killed_after(&scenario, &ddl, clauses).await
}

/// Kills a change between the ALTER and its record, aborts in vain, and resumes.
async fn killed_after(scenario: &Scenario, ddl: &[&str], clauses: &str) -> Result<()> {
    let (mut run, mut holder) = held_back(scenario, clauses).await?;
    // The row of the beginning is in the ledger by now, that of the end does not get there.
    let mut ledger = scenario.connect().await?;
    ledger.query_drop("LOCK TABLES _prisma_migrations READ").await?;
    holder.query_drop("ROLLBACK").await?;
    let started = Instant::now();
    while !has_column(scenario).await? {
        ensure!(started.elapsed() < Duration::from_secs(60), "the table was never changed");
        sleep(Duration::from_millis(20)).await;
    }
    sleep(Duration::from_millis(300)).await;
    run.kill();
    let killed = run.finish().await?;
    ensure!(killed.code().is_none() && killed.events("recorded").next().is_none(), "it was recorded before the kill");
    // What has happened cannot be taken back.
    let late = scenario.replank("abort", "Order").run().await?.expect_code(11)?;
    let told = late.events("failed").next().map(|seen| seen.event.to_string()).unwrap_or_default();
    ensure!(told.contains("has its new definition already") && told.contains("replank resume"), "{told}");
    ledger.query_drop("UNLOCK TABLES").await?;
    scenario.replank("resume", "Order").succeed().await?;
    let script = prisma::expect_recorded(scenario, "Order", clauses, "native").await?;
    residue::expect_no_drift(scenario, "Order", ddl, &script).await
}

/// What hinders an INSTANT change on every server: from then on the same clauses would need a copy.
const COMPRESSED: &str = "ALTER TABLE `Order` ROW_FORMAT = COMPRESSED";

async fn altered_by_somebody_else_meanwhile(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    killed_before(&scenario).await?;
    scenario.execute(COMPRESSED).await?;
    for command in ["resume", "abort"] {
        let refused = scenario.replank(command, "Order").run().await?.expect_code(11)?;
        let told = refused.events("failed").next().map(|seen| seen.event.to_string()).unwrap_or_default();
        ensure!(told.contains("altered by somebody else") && told.contains("prisma migrate resolve"), "{told}");
        ensure!(!has_column(&scenario).await?, "the table was changed all the same");
    }
    // As the failure says: the migration is resolved by hand, then the run can be given up.
    let resolved = "UPDATE _prisma_migrations SET rolled_back_at = UTC_TIMESTAMP(3) WHERE finished_at IS NULL";
    scenario.execute(resolved).await?;
    scenario.replank("abort", "Order").succeed().await?;
    expect_no_run(&scenario).await
}

/// The run is killed before anything was noted of the table, so that only a new look at it decides.
async fn not_possible_any_more(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let mut ledger = scenario.connect().await?;
    ledger.query_drop("LOCK TABLES _prisma_migrations READ").await?;
    let mut run = scenario.alter("Order", CLAUSES, "native").start()?;
    let started = Instant::now();
    while !has_run(&scenario).await? {
        ensure!(started.elapsed() < Duration::from_secs(60), "the run was never begun");
        sleep(Duration::from_millis(5)).await;
    }
    run.kill();
    run.finish().await?;
    ledger.query_drop("UNLOCK TABLES").await?;
    scenario.execute(COMPRESSED).await?;
    let refused = scenario.replank("resume", "Order").run().await?.expect_code(11)?;
    let told = refused.events("failed").next().map(|seen| seen.event.to_string()).unwrap_or_default();
    ensure!(told.contains("cannot make the change of") && told.contains("replank abort"), "{told}");
    ensure!(!has_column(&scenario).await?, "the table was changed all the same");
    scenario.replank("abort", "Order").succeed().await?;
    ensure!(prisma::recorded(&mut scenario.connect().await?).await?.is_empty(), "the ledger still has a row");
    Ok(())
}

/// Whether the bookkeeping knows of a run with a row in the ledger.
async fn has_run(scenario: &Scenario) -> Result<bool> {
    let mut conn = scenario.connect().await?;
    let books = scenario.bookkeeping();
    if !residue::objects(&mut conn, &books).await?.contains(&"table replank_runs".to_owned()) {
        return Ok(false);
    }
    let runs = format!("SELECT COUNT(*) FROM `{books}`.replank_runs WHERE ledger_id IS NOT NULL");
    Ok(conn.query_first::<u64, _>(runs).await?.is_some_and(|runs| runs > 0))
}

/// The change is made and not recorded: nothing of it stays in the ledger, where it would hold back every deploy.
async fn resumed_without_a_record(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    killed_before(&scenario).await?;
    let resumed = scenario.replank("resume", "Order").args(["--no-record"]).succeed().await?;
    ensure!(has_column(&scenario).await?, "the table was not changed");
    let rows = prisma::recorded(&mut scenario.connect().await?).await?;
    ensure!(rows.is_empty(), "the ledger still has {rows:?}");
    ensure!(prisma::folders(&scenario)?.is_empty(), "there is a folder of the migration");
    let told = resumed.events("notice").any(|seen| seen.event["text"].to_string().contains("not recorded"));
    ensure!(told, "it does not say what became of the migration");
    Ok(())
}

/// The server goes on with a statement whose process was killed. What ends it here is not the ALTER, which no test can
/// slow down, but a statement with the mark that the ALTER had.
async fn killed_while_the_server_is_at_it(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let alter = format!("ALTER TABLE `{}`.`Order` ", scenario.schema);
    let mut way = Intercept::start(&server, &[&alter], Then::Hold).await?;
    let (target, url) = (format!("{}.Order", scenario.schema), way.url(&scenario)?);
    let words = ["alter", &target, "--alter", CLAUSES, "--name", "native", "--url", &url];
    let mut run = Program::new(scenario.project()).args(words).start()?;
    way.met().await?;
    run.kill();
    run.finish().await?;
    let statements = way.statements();
    let sent = statements.iter().find(|sql| sql.contains("ALTER TABLE") && sql.contains("/* replank run "));
    let mark = sent.and_then(|sql| sql.find("/*").map(|at| sql[at..].to_owned())).unwrap_or_default();
    let mut still = scenario.connect().await?;
    let going_on = tokio::spawn(async move { still.query_drop(format!("DO SLEEP(600) {mark}")).await });
    wait_for(&scenario, "DO SLEEP(600) /* replank run ").await?;
    scenario.replank("abort", "Order").succeed().await?;
    let ended = tokio::time::timeout(Duration::from_secs(20), going_on).await??;
    ensure!(ended.is_err(), "it was not ended");
    Ok(())
}

/// Waits until the server is at a statement that begins like this.
async fn wait_for(scenario: &Scenario, beginning: &str) -> Result<()> {
    let mut conn = scenario.connect().await?;
    let started = Instant::now();
    loop {
        let processes: Vec<Row> = conn.query("SHOW FULL PROCESSLIST").await?;
        let info = |row: &Row| row.get::<Option<String>, _>("Info").flatten().unwrap_or_default();
        if processes.iter().any(|row| info(row).starts_with(beginning)) {
            return Ok(());
        }
        ensure!(started.elapsed() < Duration::from_secs(60), "the server is at no {beginning}");
        sleep(Duration::from_millis(20)).await;
    }
}
