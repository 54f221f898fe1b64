//! What the demo proves, each point by means that share nothing with replank.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::support::load::{Mapping, RETRYABLE, Span, Written};
use super::support::{Program, Scenario, change, oracle, prisma, residue, shop};

/// One point of the report.
#[derive(Debug)]
pub struct Proof {
    pub title: &'static str,
    pub text: String,
    pub holds: bool,
}

/// Everything that can be asked of a finished change. `migration` is its clauses and its name.
pub async fn prove(
    scenario: &Scenario,
    mapping: &Mapping,
    written: &Written,
    quiet: Span,
    changing: Span,
    migration: (&str, &str),
) -> Vec<Proof> {
    vec![
        proof("writes", acknowledged_writes(scenario, written).await),
        proof("rows", rows_compared(scenario, mapping, written, changing).await),
        proof("errors", application_errors(written)),
        proof("stalls", stalls(written, quiet, changing)),
        proof("history", history(scenario, migration).await),
        proof("schema", schema(scenario, migration.0).await),
        proof("tidiness", tidiness(scenario).await),
    ]
}

fn proof(title: &'static str, result: Result<String>) -> Proof {
    match result {
        Ok(text) => Proof { title, text, holds: true },
        Err(error) => Proof { title, text: format!("{error:#}"), holds: false },
    }
}

async fn acknowledged_writes(scenario: &Scenario, written: &Written) -> Result<String> {
    let verdict = oracle::expect_contents(&mut scenario.connect().await?, "`Order`", written).await?;
    Ok(format!(
        "{} acknowledged writes are all there, in {} rows; no row that nobody wrote",
        grouped(verdict.acknowledged),
        grouped(verdict.rows)
    ))
}

async fn rows_compared(scenario: &Scenario, mapping: &Mapping, written: &Written, changing: Span) -> Result<String> {
    let old_table = change::kept_table(scenario).await?;
    let mut conn = scenario.connect().await?;
    let difference = oracle::difference(&mut conn, &old_table, "`Order`", mapping).await?;
    // The program's own output is on the terminal, so when exactly it swapped is not known here.
    let unexplained = difference.unexplained(&written.ledger, changing.from);
    if let Some(first) = unexplained.first() {
        bail!("{} rows differ from the old table and were not written since, such as {first}", unexplained.len());
    }
    Ok(format!(
        "{} rows equal the old table's, column by column; the other {} have been written since",
        grouped((difference.rows_after.max(difference.keys.len()) - difference.keys.len()) as u64),
        grouped(difference.keys.len() as u64)
    ))
}

fn application_errors(written: &Written) -> Result<String> {
    let codes = written.record.errors_by_code();
    let list: Vec<String> = codes.iter().map(|(code, count)| format!("{count} × {code}")).collect();
    let is_retryable = codes.keys().all(|code| RETRYABLE.contains(code));
    let operations = grouped(written.record.writes() as u64);
    ensure!(is_retryable, "{} in {operations} operations", list.join(", "));
    match list.as_slice() {
        [] => Ok(format!("none in {operations} operations")),
        list => Ok(format!("{} in {operations} operations, all of which succeeded when tried again", list.join(", "))),
    }
}

fn stalls(written: &Written, quiet: Span, changing: Span) -> Result<String> {
    let longest = |span| written.record.longest_stall(span).map_or(Duration::ZERO, |stall| stall.took).as_millis();
    let p99 = |span| written.record.latencies(span).value_at_quantile(0.99) as f64 / 1_000.0;
    Ok(format!(
        "the slowest operation took {} ms (99 of 100 under {:.0} ms); in {:.0} s without a change {} ms ({:.0} ms)",
        longest(changing),
        p99(changing),
        quiet.length().as_secs_f64(),
        longest(quiet),
        p99(quiet)
    ))
}

async fn history(scenario: &Scenario, (clauses, name): (&str, &str)) -> Result<String> {
    prisma::expect_recorded(scenario, "Order", clauses, name).await?;
    let folder = prisma::folders(scenario)?.pop().unwrap_or_default();
    Ok(format!("prisma/migrations/{folder}/migration.sql, and its finished row with the same checksum"))
}

async fn schema(scenario: &Scenario, clauses: &str) -> Result<String> {
    let script = format!("ALTER TABLE `Order` {clauses}");
    residue::expect_no_drift(scenario, "Order", &[shop::ORDER], &script).await?;
    Ok("a new database with the same migrations has the same table".to_owned())
}

async fn tidiness(scenario: &Scenario) -> Result<String> {
    let tables = ["User", "Product", "Order"];
    residue::expect_only_followers(scenario, &tables, "Order").await?;
    let old_table = change::kept_table(scenario).await?.replace('`', "");
    let cleanup = Program::new(scenario.project()).args(["cleanup", "shop.Order", "--url", &scenario.url()]);
    let cleaned = cleanup.command().output()?;
    ensure!(
        cleaned.status.success(),
        "`replank cleanup` ended with {}: {}",
        cleaned.status,
        String::from_utf8_lossy(&cleaned.stderr)
    );
    residue::expect_nothing_left(scenario, &tables).await?;
    Ok(format!("the old table was kept as {old_table}; `replank cleanup shop.Order` left nothing behind"))
}

/// 1234567 as people write it.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}
