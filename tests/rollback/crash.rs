//! kill -9 in every phase of the way back, while an application writes: `abort` stays with the new table and goes on
//! logging, `resume` finishes. The application notices neither.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

use crate::support::change::{Change, expect_no_standstill};
use crate::support::load::{Load, Plan};
use crate::support::{Outcome, Scenario, Server, on_every_server, oracle, residue, shop};
use crate::{expect_marked, failure, of_changes};

on_every_server!(
    killed_in_prepare,
    killed_in_drain,
    killed_in_verify,
    killed_in_cutover,
    killed_in_record,
    killed_in_cleanup,
    killed_around_the_swap,
);

const ROWS: u64 = 4_000;

fn change() -> Change {
    let clauses = "MODIFY `quantity` BIGINT NOT NULL DEFAULT 1, DROP COLUMN `coupon`";
    Change::new(shop::ORDER, shop::orders_without_coupons(), clauses, "way_back")
}

/// What keeps the run in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Nothing,
    /// A transaction that has read the table: no lock window opens.
    Table,
    /// A lock of Prisma's ledger.
    Ledger,
}

struct Way {
    scenario: Scenario,
    load: Load,
    before: String,
    runs: Vec<Outcome>,
}

async fn begin(server: &Server) -> Result<Way> {
    let scenario = change().scenario(server).await?;
    shop::seed_orders(&scenario, ROWS).await?;
    let before = residue::definition(&mut scenario.connect().await?, "`Order`").await?;
    let load = change().load(&scenario, &Plan::steady(31, 30)).await?;
    let altered = change().program(&scenario, 20_000).succeed().await?;
    load.during(Duration::from_millis(200)).await;
    Ok(Way { scenario, load, before, runs: vec![altered] })
}

impl Way {
    /// Kills a way back in a phase; false when it was quicker than the kill.
    async fn killed(&mut self, phase: &str, hold: Hold, after: Duration) -> Result<bool> {
        let holder = self.hold(hold).await?;
        let mut run = self.scenario.replank("rollback", "Order").start()?;
        if !run.reaches_phase(phase).await? {
            bail!("it never came to the phase {phase}: {:?}", run.finish().await?.events.last());
        }
        sleep(after).await;
        run.kill();
        let killed = run.finish().await?;
        release(holder).await?;
        let is_killed = killed.code().is_none();
        if !is_killed {
            ensure!(hold == Hold::Nothing, "it ended by itself in {phase}: {:?}", killed.events.last());
        }
        self.runs.push(killed);
        Ok(is_killed)
    }

    async fn hold(&self, hold: Hold) -> Result<Option<Conn>> {
        let mut holder = self.scenario.connect().await?;
        match hold {
            Hold::Nothing => return Ok(None),
            Hold::Table => {
                holder.query_drop("START TRANSACTION").await?;
                holder.query_drop("SELECT id FROM `Order` LIMIT 1").await?;
            }
            Hold::Ledger => holder.query_drop("LOCK TABLES _prisma_migrations READ").await?,
        }
        Ok(Some(holder))
    }

    async fn abort(&mut self) -> Result<()> {
        let aborted = self.scenario.replank("abort", "Order").succeed().await?;
        self.runs.push(aborted);
        // The new table is in its place and followed; the old one is where it was kept.
        let mut found = of_changes(&self.scenario).await?;
        found.sort();
        let mut expected = ["rins", "rupd", "rdel"].map(|kind| format!("trigger Order__rpk_{kind}")).to_vec();
        expected.extend(["table Order__rpk_old", "table Order__rpk_rlog"].map(str::to_owned));
        expected.sort();
        // Values that are put aside wait for the next way back.
        found.retain(|object| object != "table Order__rpk_aside");
        ensure!(found == expected, "{found:?}");
        let column = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() \
                      AND table_name = 'Order' AND column_name = 'coupon'";
        let coupons: Option<u64> = self.scenario.connect().await?.query_first(column).await?;
        ensure!(coupons == Some(0), "the old definition is back after an abort");
        Ok(())
    }

    async fn resume(&mut self) -> Result<()> {
        let resumed = self.scenario.replank("resume", "Order").succeed().await?;
        self.runs.push(resumed);
        Ok(())
    }

    async fn expect_gone_back(self) -> Result<()> {
        self.load.during(Duration::from_millis(200)).await;
        let written = self.load.stop().await?;
        let runs: Vec<&Outcome> = self.runs.iter().collect();
        // A killed run cannot tell its lock windows, so retryable errors are not matched with them here.
        oracle::expect_none(&written.record.unretryable(), &runs)?;
        expect_no_standstill(&written)?;
        let mut conn = self.scenario.connect().await?;
        oracle::expect_contents(&mut conn, "`Order`", &written).await?;
        let after = residue::definition(&mut conn, "`Order`").await?;
        ensure!(after == self.before, "the table is\n{after}\ninstead of\n{}", self.before);
        expect_marked(&self.scenario).await?;
        self.scenario.replank("cleanup", "Order").succeed().await?;
        residue::expect_nothing_left(&self.scenario, &["Order"]).await
    }
}

async fn release(holder: Option<Conn>) -> Result<()> {
    if let Some(mut conn) = holder {
        conn.query_drop("UNLOCK TABLES").await?;
        conn.query_drop("ROLLBACK").await?;
        conn.disconnect().await?;
    }
    Ok(())
}

/// How a killed way back is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Resume,
    Abort,
}

/// Killed as soon as a phase begins, and resumed, or aborted and gone once more.
async fn once(server: &Server, phase: &str, then: Then) -> Result<()> {
    let mut way = begin(server).await?;
    if way.killed(phase, Hold::Nothing, Duration::ZERO).await? {
        match then {
            Then::Resume => way.resume().await?,
            Then::Abort => {
                way.abort().await?;
                let gone_back = way.scenario.replank("rollback", "Order").succeed().await?;
                way.runs.push(gone_back);
            }
        }
    }
    way.expect_gone_back().await
}

/// Killed and aborted, killed and resumed.
async fn both(server: &Server, phase: &str, hold: Hold, after: Duration) -> Result<()> {
    let mut way = begin(server).await?;
    if way.killed(phase, hold, after).await? {
        way.abort().await?;
        way.load.during(Duration::from_millis(100)).await;
        if way.killed(phase, hold, after).await? {
            way.resume().await?;
        }
    }
    way.expect_gone_back().await
}

async fn killed_in_prepare(server: Server) -> Result<()> {
    once(&server, "prepare", Then::Abort).await
}

async fn killed_in_drain(server: Server) -> Result<()> {
    both(&server, "drain", Hold::Nothing, Duration::from_millis(5)).await
}

async fn killed_in_verify(server: Server) -> Result<()> {
    once(&server, "verify", Then::Resume).await
}

async fn killed_in_cutover(server: Server) -> Result<()> {
    both(&server, "cutover", Hold::Table, Duration::from_millis(200)).await
}

/// The table is swapped, so it is too late to abort.
async fn killed_in_record(server: Server) -> Result<()> {
    let mut way = begin(&server).await?;
    ensure!(way.killed("record", Hold::Ledger, Duration::from_millis(200)).await?, "nothing held it");
    let refused = way.scenario.replank("abort", "Order").run().await?.expect_code(11)?;
    ensure!(failure(&refused)?.contains("too late"), "{}", failure(&refused)?);
    way.resume().await?;
    way.expect_gone_back().await
}

async fn killed_in_cleanup(server: Server) -> Result<()> {
    once(&server, "cleanup", Then::Resume).await
}

/// At moments that chance picks. More with REPLANK_CRASH_ROUNDS.
async fn killed_around_the_swap(server: Server) -> Result<()> {
    let rounds = std::env::var("REPLANK_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    for _ in 0..rounds {
        let mut way = begin(&server).await?;
        let after = Duration::from_millis(rand::random_range(0..60));
        if way.killed("cutover", Hold::Nothing, after).await? {
            way.resume().await?;
        }
        way.expect_gone_back().await?;
    }
    Ok(())
}
