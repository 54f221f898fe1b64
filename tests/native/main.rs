//! Changes that the server makes without touching a row: no copy, whatever hangs on the table, and the same history.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/intercept.rs"]
mod intercept;
mod interrupted;
mod lost_connection;

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;
use support::{Kind, Outcome, Scenario, Server, on_every_server, prisma, residue};

on_every_server!(
    column_is_added,
    index_is_renamed,
    text_gets_longer,
    longer_length_prefix_is_copied,
    column_is_moved,
    counter_is_set,
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

/// A table without foreign keys, which a server that cannot do it at once may copy.
const CODE: &str =
    "CREATE TABLE `Code` (`id` INTEGER NOT NULL AUTO_INCREMENT, `text` VARCHAR(20) NULL, PRIMARY KEY (`id`))";

/// The definition has the same lines before and after, in another order.
async fn column_is_moved(server: Server) -> Result<()> {
    let clauses = "MODIFY `text` VARCHAR(20) NULL FIRST";
    let scenario = Scenario::new(&server, "moved", &[CODE]).await?;
    let outcome = scenario.alter("Code", clauses, "moved").succeed().await?;
    expect_strategy(&outcome, if server.kind == Kind::MySql97 { "online copy" } else { "instant" })?;
    let twin = Scenario::new(&server, "twin", &[CODE]).await?;
    twin.execute(&format!("ALTER TABLE `Code` {clauses}")).await?;
    let made = residue::definition(&mut scenario.connect().await?, "`Code`").await?;
    let wanted = residue::definition(&mut twin.connect().await?, "`Code`").await?;
    ensure!(made == wanted, "the table is\n{made}\ninstead of\n{wanted}");
    Ok(())
}

/// The counter is no part of what is compared.
async fn counter_is_set(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "counter", &[CODE]).await?;
    let outcome = scenario.alter("Code", "AUTO_INCREMENT = 5000", "counter").succeed().await?;
    expect_strategy(&outcome, if server.kind == Kind::MySql97 { "online copy" } else { "instant" })?;
    scenario.execute("INSERT INTO `Code` (`text`) VALUES ('first')").await?;
    let id: Option<u64> = scenario.connect().await?.query_first("SELECT MAX(`id`) FROM `Code`").await?;
    ensure!(id == Some(5000), "the next row got the number {id:?}");
    Ok(())
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

/// Fails when a run of the table is unfinished or has left something.
async fn expect_no_run(scenario: &Scenario) -> Result<()> {
    let status = scenario.replank("status", "Order").succeed().await?;
    ensure!(status.lists_no_run(), "there is {}", status.stdout);
    Ok(())
}
