//! What an online change costs an application of moderate load, measured: `cargo run --release --example
//! moderate_load -- --help`. Eight connections, 60 operations a second each, a third of them REPEATABLE READ
//! transactions of several statements; half of the connections use prepared statements.

#[path = "../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use support::load::{Load, Mapping, Pace, Plan, Span, Transactions, Written};
use support::{Kind, Outcome, Scenario, Server, block_on, oracle, program, shop};

#[derive(Debug, Parser)]
struct Args {
    /// Measure only this server (mariadb-10.11, mariadb-11.8, mysql-9.7).
    #[arg(long)]
    server: Vec<String>,
    /// Runs on each server.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Rows of the table.
    #[arg(long, default_value_t = 60_000)]
    rows: u64,
    /// Operations a second of each of the eight connections.
    #[arg(long, default_value_t = 60)]
    rate: u32,
    /// Seconds of load without a change, before each run.
    #[arg(long, default_value_t = 15)]
    baseline: u64,
    /// Further arguments for replank.
    #[arg(last = true)]
    replank: Vec<String>,
}

/// One run, in figures.
#[derive(Debug, Clone, Copy)]
struct Figures {
    deadlocks: f64,
    lock_waits: f64,
    other_errors: f64,
    triggers_ms: f64,
    cutover_ms: f64,
    stall_ms: f64,
    quiet_stall_ms: f64,
    p99_ms: f64,
    quiet_p99_ms: f64,
    seconds: f64,
    /// The most memory replank held.
    peak_mib: f64,
}

fn main() -> ExitCode {
    match block_on(measure(&Args::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: &Args) -> Result<()> {
    let kinds = match args.server.as_slice() {
        [] => Kind::ALL.to_vec(),
        names => names
            .iter()
            .map(|name| Kind::named(name).with_context(|| format!("no server {name}")))
            .collect::<Result<_>>()?,
    };
    println!(
        "{:<14} {:>6} {:>5} {:>5} {:>6} {:>12} {:>11} {:>10} {:>12} {:>6} {:>8} {:>10} {:>8} {:>7}",
        "server",
        "run",
        "1213",
        "1205",
        "other",
        "triggers ms",
        "cutover ms",
        "stall ms",
        "unchanged ms",
        "times",
        "p99 ms",
        "unchanged",
        "change s",
        "RSS MiB"
    );
    for kind in kinds {
        let server = Server::find(kind)?;
        let mut all = Vec::new();
        for run in 1..=args.runs {
            let figures = one_run(&server, args, u64::from(run)).await?;
            print_figures(kind, &run.to_string(), figures);
            all.push(figures);
        }
        print_figures(kind, "median", median(&all));
    }
    Ok(())
}

async fn one_run(server: &Server, args: &Args, seed: u64) -> Result<Figures> {
    let scenario = Scenario::new(server, "moderate", &[shop::ORDER]).await?;
    shop::seed_orders(&scenario, args.rows).await?;
    let shape = shop::orders();
    let mapping = Mapping::identity(&shape);
    let transactions = Transactions { prepared: 1.0 / 3.0, text: 1.0 / 3.0 };
    let plan = Plan { connections: 8, pace: Pace::Fixed(args.rate), transactions, seed };
    let load = Load::start(server, &scenario.schema, shape, mapping, &plan).await?;
    // Caches and statement handles first.
    load.during(Duration::from_secs(2)).await;
    let quiet = load.during(Duration::from_secs(args.baseline)).await;
    let from = Instant::now();
    let clauses =
        "ADD COLUMN `priority` INTEGER NOT NULL DEFAULT 0 AFTER `status`, ADD INDEX `Order_productId_idx`(`productId`)";
    let alter = scenario.alter("Order", clauses, "moderate").args(["--force-copy"]).args(&args.replank);
    let outcome = alter.succeed().await?;
    let changing = Span { from, to: Instant::now() };
    load.during(Duration::from_millis(500)).await;
    let written = load.stop().await?;
    oracle::expect_contents(&mut scenario.connect().await?, "`Order`", &written).await?;
    eprintln!("{}", around_the_stall(&outcome, &written, changing));
    Ok(figures(&outcome, &written, quiet, changing))
}

fn figures(outcome: &Outcome, written: &Written, quiet: Span, changing: Span) -> Figures {
    // The longest of few writes is shorter than the longest of many, so both spans have to be equally long.
    let length = changing.length().min(quiet.length());
    let quiet = Span { from: quiet.to - length, to: quiet.to };
    let stall = |span| written.record.longest_stall(span).map_or(0.0, |stall| ms(stall.took));
    let p99 = |span| written.record.latencies(span).value_at_quantile(0.99) as f64 / 1_000.0;
    let codes = written.record.errors_by_code();
    let count = |code: u16| codes.get(&code).copied().unwrap_or(0) as f64;
    let held = |purpose| {
        let windows = outcome.lock_windows(purpose);
        windows.iter().filter(|window| window.granted).map(|window| ms(window.length)).fold(0.0, f64::max)
    };
    Figures {
        deadlocks: count(1213),
        lock_waits: count(1205),
        other_errors: written.record.unretryable().len() as f64,
        triggers_ms: held("triggers"),
        cutover_ms: held("cutover"),
        stall_ms: stall(changing),
        quiet_stall_ms: stall(quiet),
        p99_ms: p99(changing),
        quiet_p99_ms: p99(quiet),
        seconds: outcome.took.as_secs_f64(),
        peak_mib: outcome.peak_kib as f64 / 1_024.0,
    }
}

/// What replank told of around the longest stall, which says where to look for its cause.
fn around_the_stall(outcome: &Outcome, written: &Written, changing: Span) -> String {
    let Some(stall) = written.record.longest_stall(changing) else { return "nothing was written".to_owned() };
    let within = |seen: &&program::Seen| seen.at + SLACK >= stall.at && seen.at <= stall.at + stall.took + SLACK;
    let told: Vec<String> = outcome
        .events
        .iter()
        .filter(within)
        .map(|seen| {
            let since = if seen.at < stall.at { -ms(stall.at - seen.at) } else { ms(seen.at - stall.at) };
            format!("  {since:+.0} ms {}", seen.event)
        })
        .collect();
    format!("a write took {:.0} ms; around its start:\n{}", ms(stall.took), told.join("\n"))
}

/// Events this long before and after a stall are shown.
const SLACK: Duration = Duration::from_millis(50);

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn median(all: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = all.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    Figures {
        deadlocks: of(|run| run.deadlocks),
        lock_waits: of(|run| run.lock_waits),
        other_errors: of(|run| run.other_errors),
        triggers_ms: of(|run| run.triggers_ms),
        cutover_ms: of(|run| run.cutover_ms),
        stall_ms: of(|run| run.stall_ms),
        quiet_stall_ms: of(|run| run.quiet_stall_ms),
        p99_ms: of(|run| run.p99_ms),
        quiet_p99_ms: of(|run| run.quiet_p99_ms),
        seconds: of(|run| run.seconds),
        peak_mib: of(|run| run.peak_mib),
    }
}

fn print_figures(kind: Kind, run: &str, figures: Figures) {
    let Figures { deadlocks, lock_waits, other_errors, triggers_ms, cutover_ms, stall_ms, quiet_stall_ms, .. } =
        figures;
    println!(
        "{:<14} {run:>6} {deadlocks:>5.0} {lock_waits:>5.0} {other_errors:>6.0} {triggers_ms:>12.0} {cutover_ms:>11.0} \
         {stall_ms:>10.0} {quiet_stall_ms:>12.0} {:>6.1} {:>8.1} {:>10.1} {:>8.1} {:>7.0}",
        kind.name(),
        stall_ms / quiet_stall_ms.max(0.001),
        figures.p99_ms,
        figures.quiet_p99_ms,
        figures.seconds,
        figures.peak_mib,
    );
}
