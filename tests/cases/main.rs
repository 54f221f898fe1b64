//! Every table shape and every hazard as a folder: `tests/cases/GROUP/NAME`, see `case.rs`.
//!
//! Each case runs on each server that it is for, first up to an abort and then to the end, while an application writes.
//! The oracle is the server: on a second copy of the table, everything that the application did is done again in the
//! same order, with the server's own ALTER in place of replank's. Both must be the same then, definition and rows.
//!
//! All cases on all servers take longer than the other tests together, so each runs on one of its servers, in turn;
//! `REPLANK_CASES=all` runs each on all of them.
//! `REPLANK_CASE=keys/` runs only the cases whose names contain that.

#[path = "../support/mod.rs"]
mod support;

mod application;
mod case;
mod contents;
mod journal;
mod prove;
mod template;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use case::Case;
use support::{Kind, Server, block_on};

/// Cases that run on a server at the same time: most of a case is waiting for the server's disk.
const AT_ONCE: usize = 4;

#[test]
fn mariadb_10_11() -> Result<()> {
    block_on(run_all(Kind::MariaDb1011))
}

#[test]
fn mariadb_11_8() -> Result<()> {
    block_on(run_all(Kind::MariaDb118))
}

#[test]
fn mysql_9_7() -> Result<()> {
    block_on(run_all(Kind::MySql97))
}

async fn run_all(kind: Kind) -> Result<()> {
    let server = Server::find(kind)?;
    let only = std::env::var("REPLANK_CASE").unwrap_or_default();
    let everywhere = std::env::var("REPLANK_CASES").is_ok_and(|which| which == "all") || !only.is_empty();
    let is_due = |case: &Case| if everywhere { case.is_for(kind) } else { case.turn() == Some(kind) };
    let cases: Vec<Case> = Case::all()?.into_iter().filter(is_due).collect();
    ensure!(!cases.is_empty(), "there are no cases");
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let since = Instant::now();
    let mut running = JoinSet::new();
    for case in cases.into_iter().filter(|case| case.name.contains(&only)) {
        let (server, slots) = (server.clone(), Arc::clone(&slots));
        running.spawn(async move {
            let _slot = slots.acquire().await;
            let since = Instant::now();
            let proved = prove::prove(&case, &server).await;
            (case, proved, since.elapsed())
        });
    }
    let mut groups: BTreeMap<String, Totals> = BTreeMap::new();
    let mut failures = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (case, proved, took) = ended?;
        let totals = groups.entry(case.group().to_owned()).or_default();
        totals.cases += 1;
        match proved {
            Ok(proof) => {
                totals.writes += proof.writes;
                for (code, count) in proof.errors {
                    *totals.errors.entry(code).or_insert(0) += count;
                }
                println!("{} {}: ok in {:.1} s", kind.name(), case.name, took.as_secs_f64());
            }
            Err(error) => {
                println!("{} {}: FAILED: {error:#}", kind.name(), case.name);
                failures.push(case.name);
            }
        }
    }
    println!("{} in {:.0} s", kind.title(), since.elapsed().as_secs_f64());
    for (group, totals) in &groups {
        println!(
            "  {group}: {} cases, {} blocks of writes, application errors by code: {:?}",
            totals.cases, totals.writes, totals.errors
        );
    }
    if !failures.is_empty() {
        failures.sort();
        bail!("{} cases failed: {}", failures.len(), failures.join(", "));
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Totals {
    cases: usize,
    writes: usize,
    errors: BTreeMap<u16, usize>,
}
