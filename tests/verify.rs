//! Verification finds what does not belong and repairs it: rows changed, removed and added in the shadow by a hand that
//! is not replank's.

mod support;

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;
use support::{Scenario, Server, on_every_server, oracle, shop};

on_every_server!(foreign_hands_in_the_shadow_are_repaired);

const ROWS: u64 = 20_000;

async fn foreign_hands_in_the_shadow_are_repaired(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "verify", &[shop::ORDER]).await?;
    shop::seed_orders(&scenario, ROWS).await?;
    let mut conn = scenario.connect().await?;
    let ids: Vec<u64> = conn.query("SELECT id FROM `Order` ORDER BY id LIMIT 400").await?;
    // A gap inside the copied range, for a row that only the shadow has.
    conn.query_drop(format!("DELETE FROM `Order` WHERE id = {}", ids[300])).await?;
    let clauses = "MODIFY `quantity` BIGINT NOT NULL DEFAULT 1";
    let program = scenario.alter("Order", clauses, "verified").args([
        "--force-copy",
        "--max-rows-per-second",
        "4000",
        "--chunk-time",
        "20ms",
    ]);
    let mut run = program.start()?;
    ensure!(run.reaches_phase("copy").await?, "there was no copy");
    let last = ids.last().copied().unwrap_or_default();
    while conn.query_first::<u64, _>(format!("SELECT id FROM `Order__rpk_new` WHERE id = {last}")).await?.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for sql in [
        // One digit; NULL to empty; two rows that change places; a row too few; a row too many.
        format!("UPDATE `Order__rpk_new` SET total = total + 0.01 WHERE id = {}", ids[10]),
        format!("UPDATE `Order__rpk_new` SET note = '' WHERE note IS NULL AND id BETWEEN {} AND {}", ids[20], ids[30]),
        format!("UPDATE `Order__rpk_new` SET userId = productId, productId = {} WHERE id = {}", u32::MAX / 4, ids[40]),
        format!("DELETE FROM `Order__rpk_new` WHERE id = {}", ids[50]),
        format!(
            "INSERT INTO `Order__rpk_new` SELECT {}, userId, productId, quantity, total, status, note, 'phantom', \
             coupon, placedAt FROM `Order` WHERE id = {}",
            ids[300], ids[60]
        ),
    ] {
        conn.query_drop(&sql).await?;
        ensure!(conn.affected_rows() > 0, "it changed nothing: {sql}");
    }
    let outcome = run.finish().await?.expect_code(0)?;
    let repaired: u64 = outcome.events("rows_repaired").filter_map(|seen| seen.event["rows"].as_u64()).sum();
    ensure!((5..=20).contains(&repaired), "{repaired} rows were repaired");
    let old = format!("`{}`.`Order__rpk_old`", scenario.bookkeeping());
    let mapping = support::load::Mapping::identity(&shop::orders());
    oracle::difference(&mut conn, &old, "`Order`", &mapping).await?.expect_none()
}
