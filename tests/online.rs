//! Online changes while an application writes: every acknowledged row is there afterwards, the invariant of the copy
//! holds at every moment, and Prisma finds its history and its schema as it would have made them itself.

mod support;

use std::time::Duration;

use anyhow::Result;
use support::change::Change;
use support::load::Plan;
use support::{Server, on_every_server, oracle, residue, shop};

on_every_server!(
    rows_are_equal_after_the_swap_at_saturation,
    table_with_a_unique_pair_and_no_primary_key,
    table_with_a_text_key,
    column_and_index_are_added,
    type_is_modified,
    column_is_dropped,
    column_is_renamed,
    old_table_is_cleaned_up_under_load,
);

/// Rows of a test's table: enough for dozens of chunks at the pace below.
const ROWS: u64 = 20_000;

/// Keeps the copy going for some seconds, so that thousands of writes meet it.
const ROWS_PER_SECOND: u32 = 10_000;

async fn rows_are_equal_after_the_swap_at_saturation(server: Server) -> Result<()> {
    let clauses = "ADD COLUMN `priority` INTEGER NOT NULL DEFAULT 0 AFTER `status`, \
                   ADD INDEX `Order_productId_idx`(`productId`)";
    let change = Change::new(shop::ORDER, shop::orders(), clauses, "saturated");
    let scenario = change.scenario(&server).await?;
    shop::seed_orders(&scenario, 2 * ROWS).await?;
    change.prove(&scenario, &Plan::saturating(1), ROWS_PER_SECOND).await
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
