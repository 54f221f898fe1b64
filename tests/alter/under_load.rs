//! Online changes while an application writes: every acknowledged row is there afterwards, the invariant of the copy
//! holds at every moment, and Prisma finds its history and its schema as it would have made them itself.

use std::time::Duration;

use crate::support::change::Change;
use crate::support::load::Plan;
use crate::support::{Scenario, Server, on_every_server, oracle, residue, shop};
use anyhow::{Context, Result, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

on_every_server!(
    rows_are_equal_after_the_swap_under_a_heavy_load,
    #[ignore = "for changes of the applier: does not end yet on MariaDB where commits are fast"]
    rows_are_equal_after_the_swap_at_saturation,
    table_with_a_unique_pair_and_no_primary_key,
    table_with_a_text_key,
    column_and_index_are_added,
    type_is_modified,
    column_is_dropped,
    column_is_renamed,
    old_table_is_cleaned_up_under_load,
    statements_prepared_at_every_moment,
);

/// Rows of a test's table: enough for dozens of chunks at the pace below.
const ROWS: u64 = 20_000;

/// Keeps the copy going for some seconds, so that thousands of writes meet it.
const ROWS_PER_SECOND: u32 = 10_000;

/// As many operations as two cores take with the rest of the tests beside. Not as many as they can: on a server that is
/// saturated and commits fast, one applier does not keep up with eight writers, and the backlog does not end.
async fn rows_are_equal_after_the_swap_under_a_heavy_load(server: Server) -> Result<()> {
    column_and_index_are_added_to_many_rows(&server, &Plan::steady(1, 150)).await
}

async fn rows_are_equal_after_the_swap_at_saturation(server: Server) -> Result<()> {
    column_and_index_are_added_to_many_rows(&server, &Plan::saturating(1)).await
}

async fn column_and_index_are_added_to_many_rows(server: &Server, plan: &Plan) -> Result<()> {
    let clauses = "ADD COLUMN `priority` INTEGER NOT NULL DEFAULT 0 AFTER `status`, \
                   ADD INDEX `Order_productId_idx`(`productId`)";
    let change = Change::new(shop::ORDER, shop::orders(), clauses, "heavy");
    let scenario = change.scenario(server).await?;
    shop::seed_orders(&scenario, 2 * ROWS).await?;
    change.prove(&scenario, plan, ROWS_PER_SECOND).await
}

async fn table_with_a_unique_pair_and_no_primary_key(server: Server) -> Result<()> {
    let clauses = "ADD COLUMN `createdAt` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)";
    let change = Change::new(shop::TAG_TO_POST, shop::tags_of_posts(), clauses, "pair");
    let scenario = change.scenario(&server).await?;
    shop::seed_tags_of_posts(&scenario, ROWS).await?;
    change.prove(&scenario, &Plan::steady(2, 50), ROWS_PER_SECOND).await
}

async fn table_with_a_text_key(server: Server) -> Result<()> {
    let clauses = "MODIFY `title` VARCHAR(255) NULL, ADD INDEX `Article_title_idx`(`title`)";
    let change = Change::new(shop::ARTICLE, shop::articles(), clauses, "text_key");
    let scenario = change.scenario(&server).await?;
    shop::seed_articles(&scenario, ROWS).await?;
    change.prove(&scenario, &Plan::steady(3, 50), ROWS_PER_SECOND).await
}

async fn orders_change(server: &Server, change: Change, seed: u64) -> Result<()> {
    let scenario = change.scenario(server).await?;
    shop::seed_orders(&scenario, ROWS).await?;
    change.prove(&scenario, &Plan::steady(seed, 50), ROWS_PER_SECOND).await
}

async fn column_and_index_are_added(server: Server) -> Result<()> {
    let clauses = "ADD COLUMN `sku` VARCHAR(64) NULL, ADD INDEX `Order_sku_idx`(`sku`)";
    orders_change(&server, Change::new(shop::ORDER, shop::orders(), clauses, "add_sku"), 4).await
}

async fn type_is_modified(server: Server) -> Result<()> {
    let clauses = "MODIFY `total` DECIMAL(12, 4) NOT NULL, MODIFY `quantity` BIGINT NOT NULL DEFAULT 1";
    let change = Change::new(shop::ORDER, shop::orders(), clauses, "wider");
    orders_change(&server, change.read_as("total", "CAST(`total` AS DECIMAL(10, 2))"), 5).await
}

async fn column_is_dropped(server: Server) -> Result<()> {
    let change = Change::new(shop::ORDER, shop::orders_without_coupons(), "DROP COLUMN `coupon`", "drop_coupon");
    orders_change(&server, change, 6).await
}

async fn column_is_renamed(server: Server) -> Result<()> {
    let clauses = "RENAME COLUMN `coupon` TO `voucher`";
    let change = Change::new(shop::ORDER, shop::orders_without_coupons(), clauses, "rename_coupon");
    orders_change(&server, change.carries("coupon", "voucher"), 7).await
}

/// Dropping the triggers that follow the new table is a lock window like any other.
async fn old_table_is_cleaned_up_under_load(server: Server) -> Result<()> {
    let change = Change::new(shop::ORDER, shop::orders(), "ADD INDEX `Order_productId_idx`(`productId`)", "cleaned");
    let scenario = change.scenario(&server).await?;
    shop::seed_orders(&scenario, ROWS).await?;
    let load = change.load(&scenario, &Plan::steady(8, 50)).await?;
    let altered = change.program(&scenario, ROWS_PER_SECOND).succeed().await?;
    load.during(Duration::from_millis(300)).await;
    let cleaned = scenario.replank("cleanup", "Order").succeed().await?;
    load.during(Duration::from_millis(300)).await;
    let written = load.stop().await?;
    let mut conn = scenario.connect().await?;
    oracle::expect_application_unharmed(&mut conn, "`Order`", &written, &[&altered, &cleaned]).await?;
    residue::expect_nothing_left(&scenario, &["Order"]).await
}

/// The application prepares statements all the time, and so between any two steps of a change, too. MariaDB does not
/// prepare again what was prepared while a trigger was being created, unless the trigger looks younger (1146 on the
/// change log from then on, for as long as the statement lives).
async fn statements_prepared_at_every_moment(server: Server) -> Result<()> {
    const CONNECTIONS: usize = 6;
    const CHANGES: u32 = 8;
    let item =
        "CREATE TABLE `Item` (`id` INTEGER NOT NULL AUTO_INCREMENT, `title` VARCHAR(20) NOT NULL, PRIMARY KEY (`id`))";
    let scenario = Scenario::new(&server, "prepared", &[item]).await?;
    let stop = CancellationToken::new();
    let mut applications = JoinSet::new();
    for _ in 0..CONNECTIONS {
        applications.spawn(prepare_and_insert(scenario.connect().await?, stop.clone()));
    }
    for change in 0..CHANGES {
        let clauses = format!("MODIFY `title` VARCHAR({}) NOT NULL", 30 + change);
        scenario.alter("Item", &clauses, "wider").args(["--force-copy", "--drop-old", "--no-record"]).succeed().await?;
    }
    stop.cancel();
    let mut inserted = 0;
    while let Some(ended) = applications.join_next().await {
        inserted += ended??;
    }
    let rows: Option<u64> = scenario.connect().await?.query_first("SELECT COUNT(*) FROM `Item`").await?;
    ensure!(rows == Some(inserted), "{rows:?} rows instead of {inserted}");
    Ok(())
}

/// Inserts through statements that live for some executions; gives the number of rows.
async fn prepare_and_insert(mut conn: Conn, stop: CancellationToken) -> Result<u64> {
    const RETRYABLE: [u16; 2] = [1205, 1213];
    let mut inserted = 0;
    while !stop.is_cancelled() {
        let statement = conn.prep("INSERT INTO `Item` (`title`) VALUES (?)").await?;
        for _ in 0..20 {
            match conn.exec_drop(&statement, ("item",)).await {
                Ok(()) => inserted += 1,
                Err(mysql_async::Error::Server(error)) if RETRYABLE.contains(&error.code) => {}
                Err(error) => return Err(error).context("an insert through a prepared statement"),
            }
        }
        conn.close(statement).await?;
    }
    Ok(inserted)
}
