//! One case on one server.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use super::application::{Application, sessions};
use super::case::{Case, Outcome};
use super::contents;
use super::journal::{Replay, When, definition, show_create};
use super::support::load::Record;
use super::support::{Outcome as Ended, Program, Scenario, Server, oracle, residue};

/// So that a table of some hundred rows is copied in several chunks, for some tenths of a second.
const ROWS_PER_SECOND: &str = "700";
/// Blocks that the application writes before, and after everything.
const BLOCKS_AROUND: u64 = 12;

/// What a case that holds has shown.
#[derive(Debug, Default)]
pub struct Proof {
    pub writes: usize,
    pub errors: BTreeMap<u16, usize>,
}

pub async fn prove(case: &Case, server: &Server) -> Result<Proof> {
    let scenario = Scenario::new(server, "case", &[]).await?;
    match case.expect.outcome {
        Outcome::Refused => refused(case, &scenario).await.map(|()| Proof::default()),
        Outcome::Stopped => stopped(case, &scenario).await,
        Outcome::Changed => changed(case, &scenario).await,
    }
}

/// Makes the case's tables, as they are made in a twin.
async fn create(case: &Case, scenario: &Scenario) -> Result<()> {
    let mut conn = scenario.connect().await?;
    // What depends on the moment is the same in both.
    conn.query_drop("SET SESSION timestamp = 1700000000, time_zone = '+00:00'").await?;
    for sql in &case.create {
        conn.query_drop(sql).await.with_context(|| sql.clone())?;
    }
    conn.query_drop(format!("ANALYZE TABLE `{}`", case.expect.table)).await?;
    Ok(conn.disconnect().await?)
}

fn alter(case: &Case, scenario: &Scenario) -> Program {
    scenario
        .alter(&case.expect.table, &case.clauses, "case")
        .args(["--force-copy", "--no-record", "--chunk-time", "50ms", "--max-rows-per-second", ROWS_PER_SECOND])
        .args(&case.expect.args)
}

fn expect_text(case: &Case, ended: &Ended) -> Result<()> {
    let told: String = ended.events("failed").map(|seen| seen.event.to_string()).collect();
    for text in &case.expect.text {
        ensure!(told.contains(&text.replace('"', "\\\"")), "it does not say {text:?}, but: {told}");
    }
    Ok(())
}

/// Refused before anything was touched, as a dry run too.
async fn refused(case: &Case, scenario: &Scenario) -> Result<()> {
    create(case, scenario).await?;
    let table = &case.expect.table;
    let mut conn = scenario.connect().await?;
    let look = async |conn: &mut mysql_async::Conn| -> Result<(String, Vec<String>, Vec<String>)> {
        let objects = residue::objects(conn, &scenario.schema).await?;
        Ok((show_create(conn, table).await?, objects, residue::objects(conn, &scenario.bookkeeping()).await?))
    };
    let before = look(&mut conn).await?;
    for more in [&[][..], &["--dry-run"]] {
        let ended = alter(case, scenario).args(more).run().await?.expect_code(case.expect.code)?;
        expect_text(case, &ended)?;
        let after = look(&mut conn).await?;
        ensure!(before == after, "something was touched: {after:?}");
    }
    Ok(())
}

/// Stopped on the way and taken back: the table is as it was, with all that was written.
async fn stopped(case: &Case, scenario: &Scenario) -> Result<Proof> {
    create(case, scenario).await?;
    let table = &case.expect.table;
    let mut conn = scenario.connect().await?;
    let original = definition(&mut conn, table).await?;
    let objects = residue::objects(&mut conn, &scenario.schema).await?;
    let application = Application::start(case, scenario, original.clone()).await?;
    application.goes_on(BLOCKS_AROUND).await?;
    let mut run = alter(case, scenario).start()?;
    ensure!(run.reaches_phase("copy").await?, "there was no copy");
    application.write_during().await?;
    let ended = run.finish().await?.expect_code(case.expect.code)?;
    expect_text(case, &ended)?;
    let aborted = scenario.replank("abort", table).succeed().await?;
    application.goes_on(BLOCKS_AROUND).await?;
    let (journal, record) = application.stop().await?;
    let proof = proof(&record, &[&ended, &aborted])?;
    expect_as_before(scenario, table, &original, &objects).await?;
    // The journal has every write, so a twin without the change must be the same.
    let twin = Scenario::new(&scenario.server, "case_twin", &[]).await?;
    create(case, &twin).await?;
    let sessions = sessions(case);
    let replay = Replay { clauses: "COMMENT ''", ..replay(case, &twin, &sessions) };
    replay.run(&journal.entries, When::Before).await?;
    expect_same_rows(case, scenario, &twin).await?;
    Ok(proof)
}

async fn changed(case: &Case, scenario: &Scenario) -> Result<Proof> {
    create(case, scenario).await?;
    let table = &case.expect.table;
    let mut conn = scenario.connect().await?;
    let original = definition(&mut conn, table).await?;
    let objects = residue::objects(&mut conn, &scenario.schema).await?;
    let application = Application::start(case, scenario, original.clone()).await?;
    application.goes_on(BLOCKS_AROUND).await?;
    let mut runs = Vec::new();
    if case.expect.abort {
        let mut run = alter(case, scenario).start()?;
        if run.reaches_phase("copy").await? {
            run.interrupt()?;
        }
        runs.push(run.finish().await?.expect_code(130).context("the run to abort")?);
        runs.push(scenario.replank("abort", table).succeed().await?);
        expect_as_before(scenario, table, &original, &objects).await.context("after the abort")?;
    }
    runs.push(alter(case, scenario).succeed().await?);
    application.goes_on(BLOCKS_AROUND).await?;
    runs.push(scenario.replank("cleanup", table).succeed().await?);
    application.goes_on(BLOCKS_AROUND).await?;
    let (journal, record) = application.stop().await?;
    let proof = proof(&record, &runs.iter().collect::<Vec<_>>())?;
    let now = residue::objects(&mut conn, &scenario.schema).await?;
    ensure!(now == objects, "the schema holds {now:?} instead of {objects:?}");
    conn.disconnect().await?;

    let mut outcome = compare(case, scenario, &journal.entries, When::Before).await;
    if outcome.is_err() && journal.entries.iter().any(|entry| entry.when == When::Unclear) {
        outcome = compare(case, scenario, &journal.entries, When::After).await;
    }
    outcome.map(|()| proof)
}

/// Compares with a twin on which the same was done, and the change made by the server.
async fn compare(case: &Case, scenario: &Scenario, entries: &[super::journal::Entry], unclear: When) -> Result<()> {
    let table = &case.expect.table;
    let twin = Scenario::new(&scenario.server, "case_twin", &[]).await?;
    create(case, &twin).await?;
    replay(case, &twin, &sessions(case)).run(entries, unclear).await.context("the twin")?;
    let (mut ours, mut own) = (scenario.connect().await?, twin.connect().await?);
    let (made, wanted) = match case.expect.counter {
        true => (show_create(&mut ours, table).await?, show_create(&mut own, table).await?),
        false => (definition(&mut ours, table).await?, definition(&mut own, table).await?),
    };
    ensure!(made == wanted, "the table is\n{made}\ninstead of the server's own\n{wanted}");
    expect_same_rows(case, scenario, &twin).await
}

fn replay<'a>(case: &'a Case, twin: &'a Scenario, sessions: &'a [String]) -> Replay<'a> {
    Replay {
        server: &twin.server,
        schema: &twin.schema,
        table: &case.expect.table,
        clauses: &case.clauses,
        alter_session: &case.expect.alter_session,
        sessions,
    }
}

async fn expect_same_rows(case: &Case, scenario: &Scenario, twin: &Scenario) -> Result<()> {
    let (kind, ignore) = (scenario.server.kind, &case.expect.ignore);
    let found = contents::rows(&mut scenario.connect().await?, kind, &case.expect.table, ignore).await?;
    let wanted = contents::rows(&mut twin.connect().await?, kind, &case.expect.table, ignore).await?;
    contents::expect_same(&found, &wanted)
}

/// Fails unless the definition and the objects are those from before.
async fn expect_as_before(scenario: &Scenario, table: &str, original: &str, objects: &[String]) -> Result<()> {
    let mut conn = scenario.connect().await?;
    let now = definition(&mut conn, table).await?;
    ensure!(now == original, "the table is\n{now}\ninstead of\n{original}");
    let now = residue::objects(&mut conn, &scenario.schema).await?;
    ensure!(now == objects, "the schema holds {now:?} instead of {objects:?}");
    Ok(conn.disconnect().await?)
}

/// Fails when the application got an error that it must not get.
fn proof(record: &Record, runs: &[&Ended]) -> Result<Proof> {
    let windows: Vec<_> = runs
        .iter()
        .flat_map(|run| ["triggers", "cutover"].map(|purpose| run.lock_windows(purpose)))
        .flatten()
        .collect();
    oracle::expect_none(&record.unexcused(&windows), runs)?;
    ensure!(record.writes() > 0, "the application wrote nothing");
    Ok(Proof { writes: record.writes(), errors: record.errors_by_code() })
}
