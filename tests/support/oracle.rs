//! Whether the table after a change is the table before it, and everything the application wrote.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use mysql_async::Conn;

use super::load::{Failed, Ledger, Mapping, Verdict, Written};
use super::program::{Outcome, Seen};
use super::tables::{contents, key_text};

/// Two tables, row by row, by the columns they share.
#[derive(Debug)]
pub struct Difference {
    pub rows_before: usize,
    pub rows_after: usize,
    /// Keys whose rows are only in one of the tables, or different.
    pub keys: Vec<Vec<u8>>,
}

/// Compares the table before a change with the one after it. Table names come quoted, schema included.
pub async fn difference(conn: &mut Conn, before: &str, after: &str, mapping: &Mapping) -> Result<Difference> {
    let (key, columns) = mapping.before();
    let old = contents(conn, before, &key, &columns).await?;
    let (key, columns) = mapping.after();
    let mut new = contents(conn, after, &key, &columns).await?;
    let mut difference = Difference { rows_before: old.len(), rows_after: new.len(), keys: Vec::new() };
    for (key, row) in old {
        if new.remove(&key) != Some(row) {
            difference.keys.push(key);
        }
    }
    difference.keys.extend(new.into_keys());
    difference.keys.sort_unstable();
    Ok(difference)
}

impl Difference {
    /// Both tables are the same.
    pub fn expect_none(&self) -> Result<()> {
        let some: Vec<String> = self.keys.iter().take(10).map(|key| key_text(key)).collect();
        ensure!(
            self.keys.is_empty(),
            "{} of {} and {} rows differ, such as {some:?}",
            self.keys.len(),
            self.rows_before,
            self.rows_after
        );
        Ok(())
    }

    /// Keys that differ although nothing wrote them since the tables were swapped.
    pub fn unexplained(&self, ledger: &Ledger, swapped: Instant) -> Vec<String> {
        // The swap is told a moment after it happened.
        const SLACK: Duration = Duration::from_secs(1);
        let since = swapped.checked_sub(SLACK).unwrap_or(swapped);
        let is_explained = |key: &&Vec<u8>| {
            let columns: Vec<Option<Vec<u8>>> =
                key.split(|byte| *byte == 0x1f).map(|part| Some(part.to_vec())).collect();
            let number = ledger.shape.key.number(&columns);
            number.and_then(|number| ledger.get(number)).is_some_and(|expected| expected.at >= since)
        };
        self.keys.iter().filter(|key| !is_explained(key)).map(|key| key_text(key)).collect()
    }
}

/// Fails unless the table holds everything the application was told was written, every read on the way was right, and
/// the application got no error but retryable ones inside lock windows of the given runs.
pub async fn expect_application_unharmed(
    conn: &mut Conn,
    table: &str,
    written: &Written,
    runs: &[&Outcome],
) -> Result<Verdict> {
    let windows: Vec<_> = runs
        .iter()
        .flat_map(|run| ["triggers", "cutover"].map(|purpose| run.lock_windows(purpose)))
        .flatten()
        .collect();
    let verdict = expect_contents(conn, table, written).await?;
    expect_none(&written.record.unexcused(&windows), runs)?;
    Ok(verdict)
}

/// Fails when there are errors, with what the program was doing around the first one.
pub fn expect_none(errors: &[&Failed], runs: &[&Outcome]) -> Result<()> {
    let Some(first) = errors.first() else {
        return Ok(());
    };
    let offset = |seen: &Seen| {
        let [after, before] = [seen.at.duration_since(first.at), first.at.duration_since(seen.at)];
        after.as_millis() as i64 - before.as_millis() as i64
    };
    // Progress comes all the time and explains nothing.
    let told = runs.iter().flat_map(|run| &run.events).filter(|seen| !seen.is("progress"));
    let mut around: Vec<(i64, String)> = told.map(|seen| (offset(seen), seen.event.to_string())).collect();
    around.sort_by_key(|(offset, _)| offset.abs());
    around.truncate(8);
    around.sort();
    let around: Vec<String> = around.iter().map(|(offset, event)| format!("\n  {offset:+} ms {event}")).collect();
    bail!(
        "the application got {} errors that an online change must not cause, the first: {first:?}; around it:{}",
        errors.len(),
        around.concat()
    )
}

/// Fails unless the table holds everything the application was told was written and every read on the way was right.
pub async fn expect_contents(conn: &mut Conn, table: &str, written: &Written) -> Result<Verdict> {
    let verdict = written.ledger.check(conn, table).await?.expect_right()?;
    let surprises = &written.record.surprises;
    ensure!(surprises.is_empty(), "{} reads were wrong, the first: {}", surprises.len(), surprises[0]);
    ensure!(verdict.unknown == 0, "{} outcomes were lost with their connection", verdict.unknown);
    ensure!(verdict.acknowledged > 0, "the application wrote nothing, so nothing is proven");
    Ok(verdict)
}
