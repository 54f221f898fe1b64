//! Eight connections write before, during and after a change and its way back.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::support::change::Change;
use crate::support::load::Plan;
use crate::support::{Server, on_every_server, oracle, residue, shop};
use crate::{counter, expect_marked};

on_every_server!(no_write_is_lost_on_the_way_back);

const ROWS: u64 = 10_000;

async fn no_write_is_lost_on_the_way_back(server: Server) -> Result<()> {
    let clauses = "MODIFY `quantity` BIGINT NOT NULL DEFAULT 1, MODIFY `total` DECIMAL(12, 2) NOT NULL, \
                   DROP COLUMN `coupon`, ADD COLUMN `priority` INTEGER NOT NULL DEFAULT 0, DROP INDEX `Order_userId_idx`";
    let change = Change::new(shop::ORDER, shop::orders_without_coupons(), clauses, "back");
    let scenario = change.scenario(&server).await?;
    shop::seed_orders(&scenario, ROWS).await?;
    let mut conn = scenario.connect().await?;
    let before = residue::definition(&mut conn, "`Order`").await?;
    scenario.execute("CREATE TABLE `seen` AS SELECT `id`, `coupon` FROM `Order`").await?;
    let load = change.load(&scenario, &Plan::steady(21, 40)).await?;
    load.during(Duration::from_millis(200)).await;
    let altered = change.program(&scenario, 20_000).succeed().await?;
    load.during(Duration::from_millis(800)).await;
    let gone_back = scenario.replank("rollback", "Order").args(["--yes"]).succeed().await?;
    load.during(Duration::from_millis(500)).await;
    let written = load.stop().await?;

    let verdict = oracle::expect_application_unharmed(&mut conn, "`Order`", &written, &[&altered, &gone_back]).await?;
    ensure!(verdict.acknowledged > 200, "only {} writes", verdict.acknowledged);
    let after = residue::definition(&mut conn, "`Order`").await?;
    ensure!(after == before, "the table is\n{after}\ninstead of\n{before}");
    expect_marked(&scenario).await?;
    // What the change dropped is there again, but for rows that the application has written itself.
    let sql = "SELECT s.`id` FROM `seen` s JOIN `Order` o ON o.`id` = s.`id` WHERE NOT (o.`coupon` <=> s.`coupon`)";
    let changed: Vec<u64> = mysql_async::prelude::Queryable::query(&mut conn, sql).await?;
    let untouched: Vec<&u64> = changed.iter().filter(|id| written.ledger.get(**id).is_none()).collect();
    ensure!(untouched.is_empty(), "rows that nobody wrote have lost their coupons: {untouched:?}");
    // A row that was deleted and inserted again under its key is a new one; updates are the bulk, and keep it.
    let touched = written.ledger.seeds.numbers().filter(|id| written.ledger.get(*id).is_some()).count();
    ensure!(
        changed.len() * 2 < touched,
        "{} of {touched} rows that were written have lost their coupons",
        changed.len()
    );

    scenario.execute("DROP TABLE `seen`").await?;
    let kept = gone_back.events("finished").last().map(|seen| seen.event["old_table"].to_string()).unwrap_or_default();
    ensure!(kept.contains("Order__rpk_new"), "the new table is kept at {kept}");
    let kept =
        format!("`{}`.`{}`", scenario.bookkeeping(), kept.trim_matches('"').rsplit('.').next().unwrap_or_default());
    let (now, new) = (counter(&mut conn, "`Order`").await?, counter(&mut conn, &kept).await?);
    ensure!(now >= new, "the counter went back from {new} to {now}");
    let found = residue::objects(&mut conn, &scenario.schema).await?;
    ensure!(
        found == ["table _prisma_migrations", "table Order"] || found == ["table Order", "table _prisma_migrations"],
        "{found:?}"
    );
    scenario.replank("cleanup", "Order").succeed().await?;
    residue::expect_nothing_left(&scenario, &["Order"]).await
}
