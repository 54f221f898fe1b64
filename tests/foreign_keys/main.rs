//! Online changes of tables with foreign keys, while an application writes parents and children.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/intercept.rs"]
mod intercept;

mod clauses;
mod interrupted;
mod other_schemas;
mod rolled_back;
mod shop;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use support::load::Record;
use support::{Outcome, Scenario, Server, on_every_server, oracle, residue};

on_every_server!(table_in_the_middle, child_of_a_cascade, children_that_go_meanwhile);

const PAUSE: Duration = Duration::from_millis(8);

/// Parent of three, child of one, and its own.
async fn table_in_the_middle(server: Server) -> Result<()> {
    changed_under_load(
        &server,
        "Order",
        "ADD COLUMN `priority` INTEGER NOT NULL DEFAULT 0, ADD INDEX `Order_note_idx`(`note`)",
    )
    .await
}

/// Its grandparents' deletes reach it over two cascades.
async fn child_of_a_cascade(server: Server) -> Result<()> {
    changed_under_load(&server, "Line", "MODIFY `note` VARCHAR(80) NOT NULL, ADD COLUMN `more` INTEGER NULL").await
}

/// One is dropped during the copy, another one loses its foreign key: nobody has to be kept out of these.
async fn children_that_go_meanwhile(server: Server) -> Result<()> {
    let (scenario, _) = shop::scenario(&server, "fk_gone").await?;
    let clauses = "ADD COLUMN `priority` INTEGER NOT NULL DEFAULT 0";
    let slow = ["--force-copy", "--max-rows-per-second", "1000", "--lock-patience", "10s"];
    let mut run = scenario.alter("Order", clauses, "change").args(slow).start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    scenario.execute("DROP TABLE `Tag`").await?;
    scenario.execute("ALTER TABLE `Payment` DROP FOREIGN KEY `Payment_orderId_fkey`").await?;
    let outcome = run.finish().await?.expect_code(0)?;
    ensure!(outcome.swapped(), "it did not swap");
    let windows = outcome.lock_windows("cutover");
    ensure!(windows.iter().filter(|window| window.granted).count() == 1, "it took several windows: {windows:?}");
    let mut conn = scenario.connect().await?;
    let line = residue::definition(&mut conn, "`Line`").await?;
    ensure!(
        line.contains("CONSTRAINT `Line_orderId_fkey` FOREIGN KEY (`orderId`) REFERENCES `Order` (`id`)"),
        "{line}"
    );
    let payment = residue::definition(&mut conn, "`Payment`").await?;
    ensure!(!payment.contains("FOREIGN KEY"), "{payment}");
    scenario.replank("cleanup", "Order").succeed().await?;
    residue::expect_nothing_left(&scenario, &["User", "Order", "Line", "Payment"]).await
}

async fn changed_under_load(server: &Server, table: &str, clauses: &str) -> Result<()> {
    let (scenario, models) = shop::scenario(server, "fk").await?;
    let application = shop::Application::start(&scenario, models, PAUSE).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let orphans = tokio::spawn(shop::watch_orphans(scenario.connect().await?, Arc::clone(&stop)));
    let outcome = scenario
        .alter(table, clauses, "change")
        .args(["--force-copy", "--chunk-time", "50ms", "--max-rows-per-second", "1000"])
        .run()
        .await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    let looks = orphans.await??;
    let (models, record) = application.stop().await?;
    report(&outcome, &record);
    let outcome = outcome.expect_code(0)?;
    ensure!(looks > 10, "only {looks} snapshots were looked at");
    expect_unharmed(&record, &[&outcome])?;
    shop::expect_contents(&mut scenario.connect().await?, &models).await?;
    expect_like_plain_sql(&scenario, table, clauses).await?;
    scenario.replank("cleanup", table).succeed().await?;
    residue::expect_nothing_left(&scenario, &shop::TABLES).await
}

fn windows(outcome: &Outcome) -> Vec<support::program::LockWindow> {
    ["triggers", "cutover", "foreign_keys"].iter().flat_map(|purpose| outcome.lock_windows(purpose)).collect()
}

fn expect_unharmed(record: &Record, runs: &[&Outcome]) -> Result<()> {
    let windows: Vec<_> = runs.iter().flat_map(|run| windows(run)).collect();
    oracle::expect_none(&record.unexcused(&windows), runs)
}

/// For people, with --nocapture.
fn report(outcome: &Outcome, record: &Record) {
    let longest = |purpose: &str| {
        let windows = outcome.lock_windows(purpose);
        windows.iter().filter(|window| window.granted).map(|window| window.length.as_millis()).collect::<Vec<_>>()
    };
    let [first, last] = [outcome.events.first(), outcome.events.last()].map(|seen| seen.map(|seen| seen.at));
    let span = first.zip(last).map(|(from, to)| support::load::Span { from, to });
    let stall = span.and_then(|span| record.longest_stall(span)).map(|stall| stall.took.as_millis());
    println!(
        "windows in ms: cutover {:?}, triggers {:?}, foreign keys {:?}; longest stall {stall:?} ms; {} writes; errors {:?}",
        longest("cutover"),
        longest("triggers"),
        longest("foreign_keys"),
        record.writes(),
        record.errors_by_code()
    );
    let mut kinds = std::collections::BTreeMap::new();
    for error in &record.errors {
        *kinds.entry((error.what, error.code)).or_insert(0) += 1;
    }
    println!("{kinds:?}");
    // What went on around a long stall tells whose it was.
    let long = span.and_then(|span| record.longest_stall(span)).filter(|stall| stall.took > Duration::from_millis(500));
    if let Some(stall) = long {
        let around = |at: std::time::Instant| {
            at + Duration::from_millis(100) >= stall.at && at <= stall.at + stall.took + Duration::from_millis(300)
        };
        for seen in outcome.events.iter().filter(|seen| around(seen.at)) {
            println!("  {} ms: {}", seen.at.saturating_duration_since(stall.at).as_millis(), seen.event);
        }
    }
}

/// Every table is defined as it is after the same clauses as plain SQL.
async fn expect_like_plain_sql(scenario: &Scenario, table: &str, clauses: &str) -> Result<()> {
    let twin = Scenario::new(&scenario.server, "twin", &shop::DDL).await?;
    twin.execute(&format!("ALTER TABLE `{table}` {clauses}")).await?;
    let (mut made, mut plain) = (scenario.connect().await?, twin.connect().await?);
    for table in shop::TABLES {
        let name = format!("`{table}`");
        let made = residue::definition_parts(&mut made, &name).await?;
        let plain = residue::definition_parts(&mut plain, &name).await?;
        ensure!(made == plain, "{table} is\n{made:#?}\ninstead of\n{plain:#?}");
    }
    Ok(())
}
