//! Random changes: tables, clauses and writes from a seed, made by replank and, on a twin, by the server itself.
//!
//! `scripts/fuzz` runs them as long as asked. A failure is made smaller and kept as a folder in the format of
//! `tests/cases`; its seed makes it again: `scripts/fuzz --seed S --runs 1`.

#[path = "../support/mod.rs"]
mod support;

mod application;
mod case;
mod clauses;
mod conversions;
mod generate;
mod plan;
mod properties;
mod shrink;
mod twin;
mod types;
mod verdict;
mod writes;

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use support::{Server, on_every_server};
use tokio::task::JoinSet;
use verdict::Verdict;

on_every_server!(random_changes);

/// Changes at once: they mostly wait for the server's disk.
const PARALLEL: usize = 6;
/// Runs in the test suite, whose seed is always the same: it must not fail for what was not changed.
const RUNS: u64 = 24;
const SEED: u64 = 20_261_124;
/// What is spent on making a failure smaller.
const SHRINKING: Duration = Duration::from_secs(90);
/// A failure that depends on the moment is tried so often before it is believed to be gone.
const TRIES: u32 = 3;

/// How long, and from where: REPLANK_FUZZ_SEED, and REPLANK_FUZZ_RUNS or REPLANK_FUZZ_MINUTES.
struct Extent {
    seed: u64,
    runs: u64,
    until: Option<Instant>,
}

impl Extent {
    /// Whether it is said how much to do, as `scripts/fuzz` does.
    fn is_asked() -> bool {
        ["REPLANK_FUZZ_MINUTES", "REPLANK_FUZZ_RUNS"].iter().any(|name| env::var_os(name).is_some())
    }

    fn read() -> Result<Extent> {
        let number = |name: &str| {
            let value = env::var(name).ok().filter(|value| !value.is_empty());
            value.map(|value| value.parse::<u64>().with_context(|| format!("{name}={value}"))).transpose()
        };
        let minutes = number("REPLANK_FUZZ_MINUTES")?;
        let runs = number("REPLANK_FUZZ_RUNS")?.unwrap_or(if minutes.is_some() { u64::MAX } else { RUNS });
        let until = minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
        Ok(Extent { seed: number("REPLANK_FUZZ_SEED")?.unwrap_or(SEED), runs, until })
    }
}

/// What is told in the end.
#[derive(Debug, Default)]
struct Tally {
    runs: u64,
    same: u64,
    both_refuse: BTreeMap<String, Vec<u64>>,
    writes: u64,
    retryable: u64,
    refusals: BTreeMap<String, Vec<u64>>,
    no_table: BTreeMap<String, Vec<u64>>,
    failures: Vec<String>,
}

async fn random_changes(server: Server) -> Result<()> {
    let extent = Extent::read()?;
    println!("{}: seed {}", server.kind.name(), extent.seed);
    let (next, tally) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Tally::default())));
    let mut workers = JoinSet::new();
    for _ in 0..PARALLEL {
        let (server, next, tally) = (server.clone(), Arc::clone(&next), Arc::clone(&tally));
        let (seed, runs, until) = (extent.seed, extent.runs, extent.until);
        workers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= runs || until.is_some_and(|until| Instant::now() >= until) {
                    return anyhow::Ok(());
                }
                one(&server, seed.wrapping_add(number), runs == 1, &tally).await?;
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    let tally = tally.lock().expect("nobody panics with it");
    tell(&server, &tally);
    ensure!(tally.failures.is_empty(), "{}", tally.failures.join("\n\n"));
    // A few seeds that are made again say nothing of the share.
    let is_many = tally.runs >= RUNS;
    ensure!(
        !is_many || tally.same * 2 > tally.runs,
        "of {} changes only {} were made and compared",
        tally.runs,
        tally.same
    );
    Ok(())
}

async fn one(server: &Server, seed: u64, is_alone: bool, tally: &Mutex<Tally>) -> Result<()> {
    let plan = generate::plan(seed, server.kind);
    if is_alone {
        for (file, text) in case::files(&plan) {
            println!("-- {file}\n{text}");
        }
    }
    let told = verdict::of(server, &plan).await?;
    let failure = match &told.verdict {
        Verdict::Wrong(why) => Some(kept(server, &plan, why).await?),
        _ => None,
    };
    let mut tally = tally.lock().expect("nobody panics with it");
    tally.runs += 1;
    tally.writes += told.writes as u64;
    tally.retryable += told.retryable as u64;
    match told.verdict {
        Verdict::Same => tally.same += 1,
        Verdict::BothRefuse(why) => tally.both_refuse.entry(why).or_default().push(seed),
        Verdict::OnlyReplankRefuses(why) => tally.refusals.entry(why).or_default().push(seed),
        Verdict::NoTable(why) => tally.no_table.entry(why).or_default().push(seed),
        Verdict::Wrong(_) => {}
    }
    tally.failures.extend(failure);
    Ok(())
}

/// Makes a failure smaller, writes its folder, and describes it.
async fn kept(server: &Server, plan: &plan::Plan, why: &str) -> Result<String> {
    println!(
        "{}: seed {} failed, making it smaller: {}",
        server.kind.name(),
        plan.seed,
        why.lines().next().unwrap_or("")
    );
    let started = Instant::now();
    let (mut smallest, mut reason) = (plan.clone(), why.to_owned());
    'smaller: while started.elapsed() < SHRINKING {
        for less in shrink::smaller(&smallest) {
            if started.elapsed() >= SHRINKING {
                break;
            }
            for _ in 0..TRIES {
                if let Verdict::Wrong(why) = verdict::of(server, &less).await?.verdict {
                    (smallest, reason) = (less, why);
                    continue 'smaller;
                }
            }
        }
        break;
    }
    let folder = case::write(&smallest)?;
    Ok(format!("seed {} on {}: {reason}\nkept in {}", plan.seed, server.kind.name(), folder.display()))
}

fn tell(server: &Server, tally: &Tally) {
    let Tally { runs, same, both_refuse, writes, retryable, refusals, no_table, failures } = tally;
    let name = server.kind.name();
    println!(
        "{name}: {runs} runs: {same} equal, {} refused by both, {} failures; \
         {writes} transactions, {retryable} of them again (1205, 1213, in lock windows)",
        both_refuse.values().map(Vec::len).sum::<usize>(),
        failures.len()
    );
    for (title, all) in
        [("refused by replank alone", refusals), ("refused by both", both_refuse), ("no table", no_table)]
    {
        for (why, seeds) in all {
            println!("{name}: {title}, {} times (seed {}): {why}", seeds.len(), seeds[0]);
        }
    }
}
