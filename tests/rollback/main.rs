//! The way back: the old table takes its place again with everything that was written since, and what is kept goes away
//! when its time is over, never anything else.

#[path = "../support/mod.rs"]
mod support;

mod cleanup;
mod crash;
mod measure;
mod migrations;
mod refused;
mod rows;
mod under_load;

use anyhow::{Context, Result, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use support::{Outcome, Program, Scenario, prisma, residue};

/// `replank COMMAND` about the whole database, with JSON events on stdout.
fn command(scenario: &Scenario, words: &[&str]) -> Program {
    let url = scenario.url();
    Program::new(scenario.project()).args(words.iter().copied().chain(["--url", &url, "--output", "json"]))
}

/// The failure that a command ended with, as one text.
fn failure(outcome: &Outcome) -> Result<String> {
    let failed = outcome.events("failed").next().context("it told no failure")?;
    Ok(failed.event.to_string())
}

/// Fails unless every word is in the text.
fn expect_words(text: &str, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(text.contains(word), "{word:?} is missing in {text}");
    }
    Ok(())
}

/// The next value of a table's counter.
async fn counter(conn: &mut Conn, table: &str) -> Result<u64> {
    let row: Option<(String, String)> = conn.query_first(format!("SHOW CREATE TABLE {table}")).await?;
    let text = row.map(|(_, text)| text).unwrap_or_default();
    let (_, after) = text.split_once(" AUTO_INCREMENT=").context("no counter")?;
    Ok(after.split(' ').next().unwrap_or_default().parse()?)
}

/// Fails unless the ledger has one row of the change, finished and marked as rolled back, and the file is still there.
async fn expect_marked(scenario: &Scenario) -> Result<()> {
    let rows = prisma::recorded(&mut scenario.connect().await?).await?;
    ensure!(rows.len() == 1, "{rows:?}");
    ensure!(rows[0].finished_at.is_some() && rows[0].rolled_back_at.is_some(), "{rows:?}");
    ensure!(prisma::folders(scenario)? == [rows[0].name.clone()], "the migration's file is gone");
    Ok(())
}

/// Tables and triggers of the application's schema and of the books that belong to changes.
async fn of_changes(scenario: &Scenario) -> Result<Vec<String>> {
    let mut conn = scenario.connect().await?;
    let mut found = residue::objects(&mut conn, &scenario.schema).await?;
    found.extend(residue::objects(&mut conn, &scenario.bookkeeping()).await?);
    found.retain(|object| object.contains("__rpk_"));
    Ok(found)
}
