//! The table that is changed: a million rows of a shop's event log, kept twice so that every contender gets it fresh.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

use super::SCHEMA;
use super::contender::Contender;
use super::support::load::{Column, Fill, Key, Shape};
use super::support::{Scenario, Server};

/// Eight columns; the indexes are separate, so that both copies of the table are filled in key order.
const COLUMNS: &str = "(
    `id` BIGINT NOT NULL AUTO_INCREMENT,
    `accountId` INTEGER NOT NULL,
    `quantity` INTEGER NOT NULL,
    `status` ENUM('open', 'paid', 'sent') NOT NULL,
    `reference` VARCHAR(64) NOT NULL,
    `title` VARCHAR(191) NULL,
    `note` VARCHAR(191) NULL,
    `placedAt` DATETIME(3) NOT NULL,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

/// Of which one is unique and random, the most costly kind to fill row by row.
const INDEXES: &str = "ADD UNIQUE INDEX `Event_reference_key`(`reference`), \
                       ADD INDEX `Event_accountId_placedAt_idx`(`accountId`, `placedAt`), \
                       ADD INDEX `Event_status_placedAt_idx`(`status`, `placedAt`), \
                       ADD INDEX `Event_title_idx`(`title`)";

const MASTER: &str = "Event_master";

/// How the application writes it.
pub fn shape() -> Shape {
    let column = |name, fill| Column { name, fill };
    Shape {
        table: "Event",
        key: Key::Auto("id"),
        columns: vec![
            column("accountId", Fill::Below(50_000)),
            column("quantity", Fill::Below(20)),
            column("status", Fill::OneOf(&["open", "paid", "sent"])),
            column("reference", Fill::Unique),
            column("title", Fill::Words),
            column("note", Fill::Words),
            column("placedAt", Fill::Moment),
        ],
    }
}

#[derive(Debug)]
pub struct Table {
    pub scenario: Scenario,
    /// Number of rows, and a sum over all of them.
    contents: (u64, u64),
}

impl Table {
    pub async fn build(server: &Server, rows: u64) -> Result<Table> {
        let ddl = format!("CREATE TABLE `{MASTER}` {COLUMNS}");
        let scenario = Scenario::named(server, SCHEMA, &[ddl.as_str()]).await?;
        let columns = "id, accountId, quantity, status, reference, title, note, placedAt";
        let expressions = format!(
            "{}, n * 7919 % 50000, n % 20, ELT(n % 3 + 1, 'open', 'paid', 'sent'), LEFT(SHA2(n, 256), 40), \
             CONCAT('Order ', n * 7919 % 1000003, ': two chairs, a table and a lamp'), \
             CONCAT('ring at the second door, flat ', n % 97, ', and leave it with the neighbours if nobody is in'), \
             '2026-01-01' + INTERVAL n SECOND",
            shape().seed_key()
        );
        scenario.seed(MASTER, columns, &expressions, rows).await?;
        let contents = contents(&mut scenario.connect().await?, MASTER).await?;
        let table = Table { scenario, contents };
        table.restore().await?;
        Ok(table)
    }

    /// Makes the table as it was, with nothing of any contender left.
    pub async fn restore(&self) -> Result<()> {
        let mut conn = self.scenario.connect().await?;
        conn.query_drop(format!("DROP DATABASE IF EXISTS `{}`", self.scenario.bookkeeping())).await?;
        let names: Vec<String> = conn
            .exec(
                "SELECT table_name FROM information_schema.tables \
                 WHERE table_schema = ? AND table_name NOT IN (?, '_prisma_migrations')",
                (SCHEMA, MASTER),
            )
            .await?;
        for name in names {
            conn.query_drop(format!("DROP TABLE `{name}`")).await?;
        }
        for statement in [
            "SET SESSION sql_log_bin = 0, unique_checks = 0, foreign_key_checks = 0",
            &format!("CREATE TABLE `Event` {COLUMNS}"),
            &format!("INSERT INTO `Event` SELECT * FROM `{MASTER}` ORDER BY `id`"),
            &format!("ALTER TABLE `Event` {INDEXES}"),
            // Estimates of a table filled a moment ago are often zero, which would make any plan look cheap.
            "ANALYZE TABLE `Event`",
        ] {
            conn.query_drop(statement).await.with_context(|| statement.to_owned())?;
        }
        Ok(conn.disconnect().await?)
    }

    /// Waits until the server has written and purged what the last contender left to it, so that the next one is not
    /// billed for it.
    pub async fn settle(&self) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(180);
        const FEW_PAGES: u64 = 100;
        const FEW_TRANSACTIONS: u64 = 100;
        let mut conn = self.scenario.connect().await?;
        conn.query_drop("FLUSH BINARY LOGS").await?;
        conn.query_drop("PURGE BINARY LOGS BEFORE NOW()").await?;
        let limits: (f64, f64, u64, u64) = conn
            .query_first(
                "SELECT @@GLOBAL.innodb_max_dirty_pages_pct, @@GLOBAL.innodb_max_dirty_pages_pct_lwm, \
                 @@GLOBAL.innodb_io_capacity, @@GLOBAL.innodb_io_capacity_max",
            )
            .await?
            .context("no limits")?;
        // With the default capacity of 200 pages a second, the pages of one change take more than a minute.
        conn.query_drop("SET GLOBAL innodb_io_capacity_max = 20000, GLOBAL innodb_io_capacity = 20000").await?;
        conn.query_drop("SET GLOBAL innodb_max_dirty_pages_pct_lwm = 0, GLOBAL innodb_max_dirty_pages_pct = 0").await?;
        let began = Instant::now();
        let (mut pages, mut transactions) = (u64::MAX, u64::MAX);
        while (pages > FEW_PAGES || transactions > FEW_TRANSACTIONS) && began.elapsed() < PATIENCE {
            sleep(Duration::from_millis(250)).await;
            (_, pages) = conn
                .query_first::<(String, u64), _>("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")
                .await?
                .context("no dirty pages")?;
            transactions = conn
                .query_first(
                    "SELECT `count` FROM information_schema.innodb_metrics WHERE name = 'trx_rseg_history_len'",
                )
                .await?
                .context("no history length")?;
        }
        let (pct, lwm, capacity, capacity_max) = limits;
        conn.query_drop(format!(
            "SET GLOBAL innodb_max_dirty_pages_pct = {pct}, GLOBAL innodb_max_dirty_pages_pct_lwm = {lwm}, \
             GLOBAL innodb_io_capacity = {capacity}, GLOBAL innodb_io_capacity_max = {capacity_max}"
        ))
        .await?;
        if began.elapsed() >= PATIENCE {
            eprintln!("the server has not come to rest: {pages} dirty pages, {transactions} transactions to purge");
        }
        conn.disconnect().await?;
        // What others left to the system's cache is written now, too. Nothing to do about it where this fails.
        let _ = Command::new("sync").status();
        sleep(Duration::from_secs(2)).await;
        Ok(())
    }

    /// Fails unless the table has all its rows, and the definition that this contender gives it.
    pub async fn check(&self, contender: Contender) -> Result<()> {
        let found = contents(&mut self.scenario.connect().await?, "Event").await?;
        ensure!(found.0 == self.contents.0, "{} rows instead of {}", found.0, self.contents.0);
        ensure!(found.1 == self.contents.1, "the rows are not those of before");
        self.check_definition(contender).await
    }

    pub async fn check_definition(&self, contender: Contender) -> Result<()> {
        let mut conn = self.scenario.connect().await?;
        let kind: Option<String> = conn
            .query_first(
                "SELECT data_type FROM information_schema.columns WHERE table_schema = DATABASE() \
                 AND table_name = 'Event' AND column_name = 'quantity'",
            )
            .await?;
        let kind = kind.unwrap_or_default();
        ensure!(kind == contender.leaves(), "`quantity` is {kind} instead of {}", contender.leaves());
        let indexes: Option<u64> = conn
            .query_first(
                "SELECT COUNT(DISTINCT index_name) FROM information_schema.statistics \
                 WHERE table_schema = DATABASE() AND table_name = 'Event'",
            )
            .await?;
        ensure!(indexes == Some(5), "{} indexes instead of 5", indexes.unwrap_or(0));
        Ok(conn.disconnect().await?)
    }

    /// MiB of data and of indexes.
    pub async fn size(&self) -> Result<(u64, u64)> {
        let mut conn = self.scenario.connect().await?;
        conn.query_first(
            "SELECT CAST(data_length / 1048576 AS UNSIGNED), CAST(index_length / 1048576 AS UNSIGNED) \
             FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'Event'",
        )
        .await?
        .context("no table")
    }
}

async fn contents(conn: &mut Conn, table: &str) -> Result<(u64, u64)> {
    conn.query_first(format!(
        "SELECT COUNT(*), CAST(SUM(CRC32(CONCAT_WS('#', id, accountId, quantity, status, reference, title, note, \
         placedAt))) AS UNSIGNED) FROM `{table}`"
    ))
    .await?
    .context("no sum")
}
