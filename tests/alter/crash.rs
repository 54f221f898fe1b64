//! kill -9 in every phase, while an application writes: `resume` finishes the change as if nothing had happened, or
//! `abort` puts the schema back as if nothing had been begun. The application notices neither.

use std::time::Duration;

use crate::support::change::{Change, expect_no_standstill};
use crate::support::load::{Load, Plan, Written};
use crate::support::{Kind, Outcome, Run, Scenario, Server, on_every_server, oracle, prisma, residue, shop};
use anyhow::{Result, bail, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

on_every_server!(
    killed_in_prepare,
    killed_in_copy,
    killed_in_index,
    killed_in_verify,
    killed_in_cutover,
    killed_around_the_swap,
    connections_killed_around_the_swap,
    killed_in_record,
    killed_in_cleanup,
    interrupted_in_copy,
);

/// Where a run is killed, and what holds it there.
#[derive(Debug, Clone, Copy)]
struct Kill {
    phase: &'static str,
    hold: Hold,
    /// How long after the phase has begun.
    after: Duration,
}

/// What keeps a run in a phase, so that the kill meets it there and not where chance would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Nothing but the phase's own length.
    Nothing,
    /// A transaction that has read the table, from the beginning: no lock window can open.
    TableFromStart,
    /// The same, from the copy on: the triggers are in place, the cutover waits.
    TableFromCopy,
    /// A lock of Prisma's ledger, from the copy on.
    Ledger,
}

/// How a killed run is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Resume,
    Abort,
}

async fn killed_in_prepare(server: Server) -> Result<()> {
    let kill = Kill { phase: "prepare", hold: Hold::TableFromStart, after: Duration::from_millis(300) };
    resumed_and_aborted(&server, kill).await
}

async fn killed_in_copy(server: Server) -> Result<()> {
    let kill = Kill { phase: "copy", hold: Hold::Nothing, after: Duration::from_millis(500) };
    resumed_and_aborted(&server, kill).await
}

async fn killed_in_index(server: Server) -> Result<()> {
    let kill = Kill { phase: "index", hold: Hold::Nothing, after: Duration::from_millis(10) };
    resumed_and_aborted(&server, kill).await
}

async fn killed_in_verify(server: Server) -> Result<()> {
    resumed_and_aborted(&server, Kill { phase: "verify", hold: Hold::Nothing, after: Duration::ZERO }).await
}

async fn killed_in_cutover(server: Server) -> Result<()> {
    let kill = Kill { phase: "cutover", hold: Hold::TableFromCopy, after: Duration::from_millis(300) };
    resumed_and_aborted(&server, kill).await
}

/// At moments of the cutover that chance picks, the swap itself among them. More with REPLANK_CRASH_ROUNDS.
async fn killed_around_the_swap(server: Server) -> Result<()> {
    let rounds = std::env::var("REPLANK_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    for _ in 0..rounds {
        let after = Duration::from_millis(rand::random_range(0..60));
        killed(&server, Kill { phase: "cutover", hold: Hold::Nothing, after }, Then::Resume).await?;
    }
    Ok(())
}

/// Somebody ends connections of the run, again and again, all through its cutover.
async fn connections_killed_around_the_swap(server: Server) -> Result<()> {
    let rounds = std::env::var("REPLANK_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    for _ in 0..rounds {
        let (scenario, load) = begin(&server).await?;
        let mut run = change().program(&scenario, ROWS_PER_SECOND).start()?;
        ensure!(run.reaches_phase("cutover").await?, "it never came to the cutover");
        let killed = end_connections(&scenario, &mut run).await?;
        println!("{killed} connections were ended");
        let altered = run.finish().await?;
        let mut runs = vec![altered];
        if runs[0].code() != Some(0) {
            println!("it ended with {:?}", runs[0].events("failed").map(|seen| seen.event.to_string()).last());
            runs.push(scenario.replank("resume", "Order").succeed().await?);
        }
        let runs: Vec<&Outcome> = runs.iter().collect();
        expect_finished(&scenario, load, &runs).await?;
    }
    Ok(())
}

/// Ends connections that are at work on the run's tables, with pauses in which it may get further; gives their number.
async fn end_connections(scenario: &Scenario, run: &mut Run) -> Result<usize> {
    const ENOUGH: usize = 12;
    let mut conn = scenario.connect().await?;
    let mut lockers = Vec::new();
    let mut ended = 0;
    while ended < ENOUGH && run.is_running()? {
        let rows: Vec<mysql_async::Row> = conn.query("SHOW FULL PROCESSLIST").await?;
        let text =
            |row: &mysql_async::Row, name: &str| row.get::<Option<String>, _>(name).flatten().unwrap_or_default();
        let id = |row: &mysql_async::Row| row.get::<u64, _>("Id").unwrap_or_default();
        let is_of_the_run = |row: &&mysql_async::Row| {
            let statement = text(row, "Info");
            // The application is shown with the statements of the triggers.
            let words = ["LOCK TABLES", "RENAME TABLE", "ALTER", "DROP TABLE", "CREATE TABLE"];
            let is_ours = words.iter().any(|word| statement.starts_with(word)) || statement.contains("/* replank run");
            is_ours && statement.contains(&scenario.schema) && statement.contains("__rpk_")
        };
        for row in rows.iter().filter(is_of_the_run).filter(|row| text(row, "Info").starts_with("LOCK TABLES")) {
            lockers.push(id(row));
        }
        // MariaDB reads a table's triggers with the connection that opens it, or renames it. When a KILL meets one that
        // is at that, it keeps triggers that fail (1064), or writes none at all into the table's file (1343), replank or
        // not. So there only connections that cannot come to that, which a waiting RENAME can between look and KILL.
        let may_be_killed = |row: &&mysql_async::Row| match scenario.server.kind {
            Kind::MySql97 => is_of_the_run(row),
            Kind::MariaDb1011 | Kind::MariaDb118 => {
                is_of_the_run(row)
                    && text(row, "State") == "Waiting for table metadata lock"
                    && !text(row, "Info").starts_with("RENAME")
                    || lockers.contains(&id(row)) && text(row, "Command") == "Sleep"
            }
        };
        if let Some(row) = rows.iter().find(may_be_killed) {
            // It may have ended meanwhile.
            ended += usize::from(conn.query_drop(format!("KILL {}", id(row))).await.is_ok());
            sleep(Duration::from_millis(rand::random_range(0..60))).await;
        }
    }
    Ok(ended)
}

async fn killed_in_record(server: Server) -> Result<()> {
    let kill = Kill { phase: "record", hold: Hold::Ledger, after: Duration::from_millis(200) };
    killed(&server, kill, Then::Resume).await
}

async fn killed_in_cleanup(server: Server) -> Result<()> {
    killed(&server, Kill { phase: "cleanup", hold: Hold::Nothing, after: Duration::ZERO }, Then::Resume).await
}

async fn resumed_and_aborted(server: &Server, kill: Kill) -> Result<()> {
    killed(server, kill, Then::Resume).await?;
    killed(server, kill, Then::Abort).await
}

/// Rows of the table. The pace lets a second's worth through at once, and then lasts for two seconds more.
const ROWS: u64 = 20_000;
const ROWS_PER_SECOND: u32 = 6_000;

fn change() -> Change {
    let clauses = "MODIFY `quantity` BIGINT NOT NULL DEFAULT 1, ADD INDEX `Order_productId_idx`(`productId`)";
    Change::new(shop::ORDER, shop::orders(), clauses, "crash")
}

async fn begin(server: &Server) -> Result<(Scenario, Load)> {
    let scenario = change().scenario(server).await?;
    shop::seed_orders(&scenario, ROWS).await?;
    let load = change().load(&scenario, &Plan::steady(11, 30)).await?;
    Ok((scenario, load))
}

async fn killed(server: &Server, kill: Kill, then: Then) -> Result<()> {
    let (scenario, load) = begin(server).await?;
    let before = residue::definition(&mut scenario.connect().await?, "`Order`").await?;
    let mut run = change().program(&scenario, ROWS_PER_SECOND).start()?;
    let holder = reach(&scenario, &mut run, kill).await?;
    run.kill();
    let killed = run.finish().await?;
    release(holder).await?;
    // For people who tune the moments above, with --nocapture.
    println!("{kill:?} {then:?} met {:?}", killed.events.last().map(|seen| seen.event.to_string()));
    if killed.code().is_some() {
        // It was quicker than the kill, which only a phase of its own length allows.
        ensure!(kill.hold == Hold::Nothing, "it ended by itself in {}: {}", kill.phase, killed.stderr);
        let killed = killed.expect_code(0)?;
        return expect_finished(&scenario, load, &[&killed]).await;
    }
    load.during(Duration::from_millis(300)).await;
    match then {
        Then::Resume => {
            let resumed = scenario.replank("resume", "Order").succeed().await?;
            expect_finished(&scenario, load, &[&killed, &resumed]).await
        }
        Then::Abort => {
            let aborted = scenario.replank("abort", "Order").succeed().await?;
            expect_aborted(&scenario, load, &[&killed, &aborted], &before).await
        }
    }
}

/// Waits until the run is where it is to be killed. Gives the connection that holds it there.
async fn reach(scenario: &Scenario, run: &mut Run, kill: Kill) -> Result<Option<Conn>> {
    let mut holder = scenario.connect().await?;
    if kill.hold == Hold::TableFromStart {
        hold_table(&mut holder).await?;
    }
    if matches!(kill.hold, Hold::TableFromCopy | Hold::Ledger) {
        ensure!(run.reaches_phase("copy").await?, "it never began to copy");
        match kill.hold {
            Hold::Ledger => holder.query_drop("LOCK TABLES _prisma_migrations READ").await?,
            _ => hold_table(&mut holder).await?,
        }
    }
    if !run.reaches_phase(kill.phase).await? {
        bail!("it never came to the phase {}", kill.phase);
    }
    sleep(kill.after).await;
    Ok((kill.hold != Hold::Nothing).then_some(holder))
}

async fn hold_table(conn: &mut Conn) -> Result<()> {
    conn.query_drop("START TRANSACTION").await?;
    Ok(conn.query_drop("SELECT id FROM `Order` LIMIT 1").await?)
}

async fn release(holder: Option<Conn>) -> Result<()> {
    if let Some(mut conn) = holder {
        conn.query_drop("UNLOCK TABLES").await?;
        conn.query_drop("ROLLBACK").await?;
        conn.disconnect().await?;
    }
    Ok(())
}

async fn stop(load: Load, runs: &[&Outcome]) -> Result<Written> {
    load.during(Duration::from_millis(300)).await;
    let written = load.stop().await?;
    // A killed run cannot tell its lock windows, so retryable errors are not matched with them here.
    oracle::expect_none(&written.record.unretryable(), runs)?;
    expect_no_standstill(&written)?;
    Ok(written)
}

async fn expect_finished(scenario: &Scenario, load: Load, runs: &[&Outcome]) -> Result<()> {
    let mut written = stop(load, runs).await?;
    written.record.errors.clear();
    change().expect_changed(scenario, &written, runs).await
}

async fn expect_aborted(scenario: &Scenario, load: Load, runs: &[&Outcome], before: &str) -> Result<()> {
    let written = stop(load, runs).await?;
    let mut conn = scenario.connect().await?;
    oracle::expect_contents(&mut conn, "`Order`", &written).await?;
    let after = residue::definition(&mut conn, "`Order`").await?;
    ensure!(after == before, "the table is\n{after}\ninstead of\n{before}");
    residue::expect_nothing_left(scenario, &["Order"]).await?;
    let recorded = prisma::recorded(&mut conn).await?;
    ensure!(recorded.is_empty(), "the ledger still holds {recorded:?}");
    let folders = prisma::folders(scenario)?;
    ensure!(folders.is_empty(), "the migrations folder still holds {folders:?}");
    Ok(())
}

/// Ctrl-C stops at a safe point, says how to go on, and keeps what was copied.
async fn interrupted_in_copy(server: Server) -> Result<()> {
    let (scenario, load) = begin(&server).await?;
    let mut run = change().program(&scenario, ROWS_PER_SECOND).start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    let mut conn = scenario.connect().await?;
    // How much is copied within a time depends on the machine.
    while conn.query_first::<u64, _>("SELECT COUNT(*) FROM `Order__rpk_new`").await? < Some(ROWS / 4) {
        ensure!(run.is_running()?, "it ended before a quarter was copied");
        sleep(Duration::from_millis(20)).await;
    }
    run.interrupt()?;
    let interrupted = run.finish().await?.expect_code(130)?;
    let advice = interrupted.events("failed").any(|seen| seen.event["next"].to_string().contains("replank resume"));
    ensure!(advice, "it does not say how to go on: {:?}", interrupted.events.last());
    load.during(Duration::from_millis(300)).await;
    let resumed = scenario.replank("resume", "Order").succeed().await?;
    let copied_again = resumed.events("progress").filter_map(|seen| seen.event["chunks"]["rows"].as_u64()).max();
    ensure!(
        copied_again.is_some_and(|rows| rows < ROWS * 9 / 10),
        "{copied_again:?} of {ROWS} rows were copied after the interruption, so from the start"
    );
    expect_finished(&scenario, load, &[&interrupted, &resumed]).await
}
