//! Changes that the server makes without touching a row: no copy, whatever hangs on the table, and the same history.

mod support;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;
use support::{Kind, Outcome, Run, Scenario, Server, on_every_server, prisma, residue};
use tokio::time::sleep;

on_every_server!(
    column_is_added,
    index_is_renamed,
    text_gets_longer,
    longer_length_prefix_is_copied,
    killed_before_the_change,
    killed_before_the_change_and_aborted,
    killed_between_change_and_record,
);

const USER: &str = "CREATE TABLE `User` (`id` INTEGER NOT NULL AUTO_INCREMENT, PRIMARY KEY (`id`))";
const ORDER: &str = "CREATE TABLE `Order` (`id` INTEGER NOT NULL AUTO_INCREMENT, `userId` INTEGER NULL,
    `note` VARCHAR(64) NULL, `code` VARCHAR(20) NULL,
    INDEX `Order_note_idx`(`note`), PRIMARY KEY (`id`),
    CONSTRAINT `Order_userId_fkey` FOREIGN KEY (`userId`) REFERENCES `User`(`id`) ON DELETE SET NULL ON UPDATE CASCADE)
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";
const LINE: &str =
    "CREATE TABLE `Line` (`id` INTEGER NOT NULL AUTO_INCREMENT, `orderId` INTEGER NOT NULL, PRIMARY KEY (`id`),
    CONSTRAINT `Line_orderId_fkey` FOREIGN KEY (`orderId`) REFERENCES `Order`(`id`) ON UPDATE CASCADE)";
const TRIGGER: &str =
    "CREATE TRIGGER `no_blanks` BEFORE INSERT ON `Order` FOR EACH ROW SET NEW.`note` = TRIM(NEW.`note`)";
const DDL: [&str; 4] = [USER, ORDER, LINE, TRIGGER];

/// A table with foreign keys on both sides and a trigger.
async fn shop(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "native", &DDL).await?;
    scenario.seed("User", "id", "n + 1", 10).await?;
    scenario.seed("Order", "userId, note", "n % 10 + 1, CONCAT('note ', n)", 500).await?;
    scenario.seed("Line", "orderId", "n + 1", 500).await?;
    Ok(scenario)
}

async fn column_is_added(server: Server) -> Result<()> {
    let outcome = changed_by_server(&server, "ADD COLUMN `sku` VARCHAR(64) NULL").await?;
    expect_strategy(&outcome, "instant")
}

async fn index_is_renamed(server: Server) -> Result<()> {
    let outcome = changed_by_server(&server, "RENAME INDEX `Order_note_idx` TO `Order_note_key`").await?;
    expect_strategy(&outcome, if server.kind == Kind::MySql97 { "in place" } else { "instant" })
}

async fn text_gets_longer(server: Server) -> Result<()> {
    let outcome = changed_by_server(&server, "MODIFY `note` VARCHAR(191) NULL").await?;
    expect_strategy(&outcome, if server.kind == Kind::MySql97 { "in place" } else { "instant" })
}

/// From 255 bytes on a value's length takes two bytes, so every row would have to be written anew.
async fn longer_length_prefix_is_copied(server: Server) -> Result<()> {
    let ddl = "CREATE TABLE `Code` (`id` INTEGER NOT NULL, `text` VARCHAR(20) NULL, PRIMARY KEY (`id`)) \
               DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";
    let scenario = Scenario::new(&server, "prefix", &[ddl]).await?;
    scenario.seed("Code", "id, text", "n, CONCAT('code ', n)", 500).await?;
    let outcome = scenario.alter("Code", "MODIFY `text` VARCHAR(191) NULL", "longer").succeed().await?;
    // MariaDB marks such values in the row, so that it need not.
    expect_strategy(&outcome, if server.kind == Kind::MySql97 { "online copy" } else { "instant" })
}

/// Makes the change and checks that the server made it, that it is recorded, and that nothing else is there.
async fn changed_by_server(server: &Server, clauses: &str) -> Result<Outcome> {
    let scenario = shop(server).await?;
    let before = Before::look(&scenario).await?;
    let outcome = scenario.alter("Order", clauses, "native").succeed().await?;
    let phases: Vec<_> = outcome.events("phase_started").map(|seen| seen.event["phase"].clone()).collect();
    ensure!(phases == ["plan", "native"], "the phases were {phases:?}");
    before.expect_changed(&scenario, clauses).await?;
    Ok(outcome)
}

fn expect_strategy(outcome: &Outcome, expected: &str) -> Result<()> {
    let told = outcome.events("run_started").next().map(|seen| seen.event["strategy"].to_string()).unwrap_or_default();
    ensure!(told.starts_with(&format!("\"{expected}: ")), "the strategy was {told} instead of {expected}");
    Ok(())
}

/// What a change must keep.
struct Before {
    objects: Vec<String>,
    rows: Option<(u64, u64, u64)>,
}

impl Before {
    async fn look(scenario: &Scenario) -> Result<Before> {
        let mut conn = scenario.connect().await?;
        let objects = residue::objects(&mut conn, &scenario.schema).await?;
        let counts = "SELECT (SELECT COUNT(*) FROM `Order`), (SELECT COUNT(*) FROM `Line`), \
                      (SELECT COALESCE(SUM(CRC32(CONCAT_WS('|', id, userId, note, code))), 0) FROM `Order`)";
        Ok(Before { objects, rows: conn.query_first(counts).await? })
    }

    async fn expect_changed(&self, scenario: &Scenario, clauses: &str) -> Result<()> {
        let now = Before::look(scenario).await?;
        ensure!(now.objects == self.objects, "the schema holds {:?} instead of {:?}", now.objects, self.objects);
        ensure!(now.rows == self.rows, "the rows are others");
        let books = residue::objects(&mut scenario.connect().await?, &scenario.bookkeeping()).await?;
        ensure!(books == ["table replank_runs"], "the bookkeeping schema holds {books:?}");
        let script = prisma::expect_recorded(scenario, "Order", clauses, "native").await?;
        residue::expect_no_drift(scenario, "Order", &DDL, &script).await
    }
}

const CLAUSES: &str = "ADD COLUMN `sku` VARCHAR(64) NULL";

/// A run that cannot get at its table, and the connection that keeps it away.
async fn held_back(scenario: &Scenario) -> Result<(Run, mysql_async::Conn)> {
    let mut holder = scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    holder.query_drop("SELECT id FROM `Order` LIMIT 1").await?;
    let mut run = scenario.alter("Order", CLAUSES, "native").start()?;
    ensure!(run.reaches_phase("native").await?, "it never came to the change");
    Ok((run, holder))
}

async fn has_column(scenario: &Scenario) -> Result<bool> {
    let mut conn = scenario.connect().await?;
    Ok(residue::definition(&mut conn, "`Order`").await?.contains("`sku`"))
}

async fn killed_before_the_change(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let before = Before::look(&scenario).await?;
    let (mut run, mut holder) = held_back(&scenario).await?;
    sleep(Duration::from_millis(300)).await;
    run.kill();
    run.finish().await?;
    holder.query_drop("ROLLBACK").await?;
    ensure!(!has_column(&scenario).await?, "the table was changed after all");
    scenario.replank("resume", "Order").succeed().await?;
    before.expect_changed(&scenario, CLAUSES).await
}

async fn killed_before_the_change_and_aborted(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let before = Before::look(&scenario).await?;
    let (mut run, mut holder) = held_back(&scenario).await?;
    sleep(Duration::from_millis(300)).await;
    run.kill();
    run.finish().await?;
    holder.query_drop("ROLLBACK").await?;
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
    let before = Before::look(&scenario).await?;
    let (mut run, mut holder) = held_back(&scenario).await?;
    // The row of the beginning is in the ledger by now, that of the end does not get there.
    let mut ledger = scenario.connect().await?;
    ledger.query_drop("LOCK TABLES _prisma_migrations READ").await?;
    holder.query_drop("ROLLBACK").await?;
    let started = Instant::now();
    while !has_column(&scenario).await? {
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
    before.expect_changed(&scenario, CLAUSES).await
}
