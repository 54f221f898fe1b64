//! Figures for people: what the way back costs. `cargo test --test rollback measure -- --ignored --nocapture`, on a
//! machine that does nothing else.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::support::change::Change;
use crate::support::load::{Plan, Span};
use crate::support::{Scenario, Server, on_every_server, shop};

on_every_server!(
    #[ignore = "a measurement"]
    windows_and_stalls,
    #[ignore = "a measurement"]
    cost_of_the_reverse_log,
    #[ignore = "a measurement"]
    dropping_a_big_table,
);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

/// Lock windows of rollbacks and the longest stall of a write while they run.
async fn windows_and_stalls(server: Server) -> Result<()> {
    let change = Change::new(
        shop::ORDER,
        shop::orders_without_coupons(),
        "MODIFY `quantity` BIGINT NOT NULL DEFAULT 1, DROP COLUMN `coupon`",
        "measured",
    );
    let (mut windows, mut stalls, mut calm, mut errors) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for seed in 0..number("REPLANK_MEASURE_RUNS", 10) {
        let scenario = change.scenario(&server).await?;
        shop::seed_orders(&scenario, 60_000).await?;
        let load = change.load(&scenario, &Plan::steady(seed, 60)).await?;
        change.program(&scenario, 1_000_000).succeed().await?;
        let before = load.during(Duration::from_secs(2)).await;
        let from = Instant::now();
        let gone_back = scenario.replank("rollback", "Order").succeed().await?;
        let span = Span { from, to: Instant::now() };
        let written = load.stop().await?;
        errors += written.record.errors.len();
        windows.extend(
            gone_back.lock_windows("cutover").iter().filter(|window| window.granted).map(|window| window.length),
        );
        stalls.extend(written.record.longest_stall(span).map(|stall| stall.took));
        calm.extend(written.record.longest_stall(before).map(|stall| stall.took));
    }
    println!(
        "{:?}: window {:?}, longest stall {:?}, the same without {:?}, {errors} errors",
        server.kind,
        median(windows),
        median(stalls),
        median(calm)
    );
    Ok(())
}

/// Writes a second of a saturating load, with the log that follows the new table and without.
async fn cost_of_the_reverse_log(server: Server) -> Result<()> {
    let change = Change::new(shop::ORDER, shop::orders(), "FORCE", "cost");
    let measured = async |words: &[&str], label: &str| -> Result<()> {
        let mut rates = Vec::new();
        for seed in 0..number("REPLANK_MEASURE_RUNS", 5) {
            let scenario = change.scenario(&server).await?;
            shop::seed_orders(&scenario, 60_000).await?;
            scenario
                .alter("Order", "FORCE", "cost")
                .args(["--force-copy", "--no-record"])
                .args(words.iter().copied())
                .succeed()
                .await?;
            let load = change.load(&scenario, &Plan::saturating(seed)).await?;
            let span = load.during(Duration::from_secs(5)).await;
            let written = load.stop().await?;
            rates.push(written.record.writes() as u64 * 1_000 / span.length().as_millis() as u64);
        }
        rates.sort_unstable();
        println!("{:?}: {label}: {} writes a second", server.kind, rates[rates.len() / 2]);
        Ok(())
    };
    measured(&["--drop-old"], "without").await?;
    measured(&[], "with").await
}

/// The longest stall of writes to a small table while a big one is dropped, by the statement that cleanup sends.
async fn dropping_a_big_table(server: Server) -> Result<()> {
    let big = "CREATE TABLE `Big` (`id` INTEGER NOT NULL PRIMARY KEY, `filling` LONGTEXT NOT NULL)";
    let scenario = Scenario::new(&server, "big", &[shop::ORDER, big]).await?;
    shop::seed_orders(&scenario, 60_000).await?;
    let mib = number("REPLANK_MEASURE_MIB", 1_000);
    for part in 0..mib / 50 {
        let id = format!("n + {}", part * 6_400);
        scenario.seed("Big", "id, filling", &format!("{id}, REPEAT('filling ', 1000)"), 6_400).await?;
    }
    let change = Change::new(shop::ORDER, shop::orders(), "FORCE", "big");
    let load = change.load(&scenario, &Plan::steady(1, 60)).await?;
    let before = load.during(Duration::from_secs(10)).await;
    let from = Instant::now();
    scenario.execute("DROP TABLE `Big`").await?;
    let took = from.elapsed();
    load.during(Duration::from_secs(1)).await;
    let span = Span { from, to: Instant::now() };
    let written = load.stop().await?;
    println!(
        "{:?}: {mib} MiB in {took:?}: longest stall {:?}, the same without {:?}; 99% {:?} us and {:?} us",
        server.kind,
        written.record.longest_stall(span).map(|stall| stall.took),
        written.record.longest_stall(before).map(|stall| stall.took),
        written.record.latencies(span).value_at_quantile(0.99),
        written.record.latencies(before).value_at_quantile(0.99),
    );
    Ok(())
}
