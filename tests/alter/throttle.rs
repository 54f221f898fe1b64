//! Limits hold the copy back, say so with their value, and let it go on.

use std::time::{Duration, Instant};

use crate::private_server::PrivateServer;
use crate::support::{Run, Scenario, Server, on_every_server, residue};
use anyhow::{Context, Result, bail, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;
use tokio::time::sleep;

on_every_server!(load_and_replica, ceiling);

const ITEM: &str = "CREATE TABLE `Item` (`id` INTEGER NOT NULL, `title` VARCHAR(20) NOT NULL, PRIMARY KEY (`id`))";

async fn items(server: &Server, rows: u64) -> Result<Scenario> {
    let scenario = Scenario::new(server, "throttle", &[ITEM]).await?;
    scenario.seed("Item", "id, title", "n, CONCAT('item ', n)", rows).await?;
    Ok(scenario)
}

/// For a replica, or a copy, to get somewhere.
const PATIENCE: Duration = Duration::from_secs(60);

/// On servers of the test's own: a copy that is slow enough to be met, and nobody else who raises the load.
async fn load_and_replica(server: Server) -> Result<()> {
    let primary = PrivateServer::start(server.kind)?;
    load(&primary.server).await?;
    let replica = PrivateServer::start(server.kind)?;
    replica.replicate(&primary).await?;
    lag(&primary.server, &replica.server).await
}

/// More than replank has running itself.
const THREADS: usize = 15;

async fn load(server: &Server) -> Result<()> {
    let scenario = items(server, 3_000).await?;
    let limit = format!("Threads_running={THREADS}");
    let mut run = slow(&scenario, &["--max-load", &limit])?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    let crowd = Crowd::gather(server, THREADS + 5).await?;
    let reason = throttled(&mut run).await?;
    let value = reason.strip_prefix("Threads_running ").and_then(|rest| rest.strip_suffix(&format!(" > {THREADS}")));
    let value: usize = value.and_then(|value| value.parse().ok()).with_context(|| reason.clone())?;
    ensure!(value > THREADS, "{reason}");
    expect_standstill(&scenario).await?;
    crowd.disperse().await?;
    finish(run, 1).await
}

async fn lag(primary: &Server, replica: &Server) -> Result<()> {
    let scenario = items(primary, 4_000).await?;
    let url = replica.url("");
    let mut conn = replica.connect("").await?;
    let original = format!("SELECT (SELECT COUNT(*) FROM `{}`.`Item`)", scenario.schema);
    at_last(&mut conn, &format!("{original} = 4000"), "the replica does not catch up").await?;
    let mut run = slow(&scenario, &["--replica", &url, "--max-lag", "1s"])?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    let place = address(&url)?;

    // Somebody on the replica is in the way of a chunk. Where it could be the shadow's definition instead, MySQL's copy
    // has gone on after a lag of four seconds was read here: it seems to be told wrongly for a moment then.
    let shadow = format!("`{}`.`Item__rpk_new`", scenario.schema);
    at_last(&mut conn, &format!("SELECT COUNT(*) > 0 FROM {shadow}"), "the shadow never came to the replica").await?;
    conn.query_drop(format!("LOCK TABLES {shadow} READ")).await?;
    let waits =
        "SELECT COUNT(*) > 0 FROM information_schema.processlist WHERE state = 'Waiting for table metadata lock'";
    let mut watch = replica.connect("").await?;
    at_last(&mut watch, waits, "the replica does not wait").await?;
    let started = Instant::now();
    while seconds_behind(&mut watch).await? < Some(3) {
        ensure!(started.elapsed() < PATIENCE, "the replica does not lag");
        sleep(Duration::from_millis(50)).await;
    }
    let reason = throttled(&mut run).await?;
    let lag = reason.strip_prefix("replica lag ").and_then(|rest| rest.strip_suffix(&format!("s > 1s on {place}")));
    ensure!(lag.and_then(|lag| lag.parse::<u64>().ok()).is_some_and(|lag| lag > 1), "{reason}");
    expect_standstill(&scenario).await?;
    conn.query_drop("UNLOCK TABLES").await?;

    // A replica that replays nothing says nothing of its lag. It may have one of its own when it is stopped.
    let reason = loop {
        told_last(&mut run, "unthrottled").await?;
        conn.query_drop("STOP REPLICA SQL_THREAD").await?;
        let reason = throttled(&mut run).await?;
        if !reason.starts_with("replica lag ") {
            break reason;
        }
        conn.query_drop("START REPLICA SQL_THREAD").await?;
    };
    ensure!(reason == format!("replication is stopped on {place}"), "{reason}");
    expect_standstill(&scenario).await?;
    conn.query_drop("START REPLICA SQL_THREAD").await?;
    finish(run, 2).await?;

    // What the replica has in the end is what the primary has.
    at_last(&mut conn, &format!("{original} = 4000"), "the replica does not catch up").await?;
    let table = format!("`{}`.`Item`", scenario.schema);
    let wanted = residue::definition(&mut scenario.connect().await?, &table).await?;
    ensure!(residue::definition(&mut conn, &table).await? == wanted, "the replica's table is another one");
    Ok(())
}

fn slow(scenario: &Scenario, limits: &[&str]) -> Result<Run> {
    let pace = ["--max-rows-per-second", "400", "--chunk-time", "50ms"];
    scenario.alter("Item", "FORCE", "slow").args(pace).args(limits).start()
}

/// Waits until the copy is held back, and for one reason, which is given. On a busy machine a replica lags by itself now
/// and then, so what counts is what was told last.
async fn throttled(run: &mut Run) -> Result<String> {
    let event = told_last(run, "throttled").await?;
    match event["reasons"].as_array().map(Vec::as_slice) {
        Some([reason]) => Ok(reason.as_str().unwrap_or_default().to_owned()),
        _ => bail!("one reason was expected: {event}"),
    }
}

async fn told_last(run: &mut Run, name: &str) -> Result<serde_json::Value> {
    let started = Instant::now();
    loop {
        match run.last_of(&["throttled", "unthrottled"]) {
            Some(event) if event["event"] == name => return Ok(event),
            last => ensure!(
                started.elapsed() < PATIENCE && run.is_running()?,
                "it did not come to the event {name}; the last was {last:?}"
            ),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Chunks that were on their way have arrived, and no further ones come.
async fn expect_standstill(scenario: &Scenario) -> Result<()> {
    let mut conn = scenario.connect().await?;
    let count = "SELECT COUNT(*) FROM `Item__rpk_new`";
    sleep(Duration::from_millis(700)).await;
    let before: Option<u64> = conn.query_first(count).await?;
    sleep(Duration::from_millis(1_500)).await;
    let after: Option<u64> = conn.query_first(count).await?;
    ensure!(
        before == after && before.is_some_and(|rows| rows > 0),
        "the shadow went from {before:?} to {after:?} rows"
    );
    Ok(())
}

/// The run goes on to its end, and tells so for each time it was held back.
async fn finish(run: Run, times: usize) -> Result<()> {
    let outcome = run.finish().await?.expect_code(0)?;
    let (held_back, went_on) = (outcome.events("throttled").count(), outcome.events("unthrottled").count());
    ensure!(held_back == went_on, "it was held back {held_back} times and went on {went_on} times");
    let waited = outcome.events("unthrottled").filter_map(|seen| seen.event["seconds"].as_f64());
    let long = waited.filter(|seconds| *seconds > 1.0).count();
    ensure!(long >= times, "it was held back {long} times instead of {times}");
    Ok(())
}

/// `None` while it replays nothing.
async fn seconds_behind(replica: &mut Conn) -> Result<Option<u64>> {
    let status: Option<mysql_async::Row> = replica.query_first("SHOW REPLICA STATUS").await?;
    let status = status.context("it is a replica")?;
    let lag = ["Seconds_Behind_Source", "Seconds_Behind_Master"].into_iter().find_map(|name| status.get(name));
    lag.context("a replica tells its lag")
}

/// Waits until a question is answered by true; what it is about may not be there yet.
async fn at_last(conn: &mut Conn, question: &str, otherwise: &str) -> Result<()> {
    let started = Instant::now();
    while !conn.query_first::<bool, _>(question).await.ok().flatten().unwrap_or(false) {
        ensure!(started.elapsed() < PATIENCE, "{otherwise}");
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// As replank names a server.
fn address(url: &str) -> Result<String> {
    let url = url::Url::parse(url)?;
    let (host, port) = (url.host_str().context("a host")?, url.port().context("a port")?);
    Ok(format!("{}@{host}:{port}", url.username()))
}

/// Connections that run a statement until they are sent away.
struct Crowd {
    server: Server,
    connections: Vec<u32>,
    tasks: Vec<JoinHandle<()>>,
}

impl Crowd {
    async fn gather(server: &Server, size: usize) -> Result<Crowd> {
        let mut crowd = Crowd { server: server.clone(), connections: Vec::new(), tasks: Vec::new() };
        for _ in 0..size {
            let mut conn = server.connect("").await?;
            crowd.connections.push(conn.id());
            // Ends with an error when it is sent away.
            crowd.tasks.push(tokio::spawn(async move { drop(conn.query_drop("SELECT SLEEP(120)").await) }));
        }
        Ok(crowd)
    }

    async fn disperse(self) -> Result<()> {
        let mut conn = self.server.connect("").await?;
        for connection in self.connections {
            conn.query_drop(format!("KILL {connection}")).await?;
        }
        for task in self.tasks {
            task.await?;
        }
        Ok(conn.disconnect().await?)
    }
}

/// 6,000 rows at 2,000 a second take two seconds beyond what is let through at once. The bounds are wide: they are to
/// find a ceiling that does not hold, or one that holds too much.
async fn ceiling(server: Server) -> Result<()> {
    let scenario = items(&server, 6_000).await?;
    let program = scenario.alter("Item", "FORCE", "ceiling").args(["--max-rows-per-second", "2000"]);
    let outcome = program.args(["--chunk-time", "50ms"]).succeed().await?;
    let copy = outcome.events("phase_finished").find(|seen| seen.is_phase("phase_finished", "copy"));
    let seconds = copy.and_then(|seen| seen.event["seconds"].as_f64()).context("the copy ended")?;
    ensure!((1.0..=9.0).contains(&seconds), "the copy took {seconds} s");
    Ok(())
}
