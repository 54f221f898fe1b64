//! Each migration of `tests/data/migrations` is applied twice: by feeding its script to the server, as Prisma does, and
//! by `replank deploy` with every change of a table through the planner. Both must end with the same schema, the same
//! rows and the same ledger.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::project::Project;
use crate::support::{Outcome, Server, on_every_server};

on_every_server!(every_migration);

/// Cases that run at the same time: the servers have two cores.
const AT_ONCE: usize = 4;
const NAME: &str = "20260203040506_case";

async fn every_migration(server: Server) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/migrations");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    cases.sort();
    if let Ok(wanted) = std::env::var("REPLANK_TEST_CASE") {
        cases.retain(|case| case.ends_with(&wanted));
    } else {
        ensure!(cases.len() >= 60, "only {} cases are there", cases.len());
    }
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for case in cases {
        let (server, gate) = (server.clone(), Arc::clone(&gate));
        running.spawn(async move {
            let _permit = gate.acquire_owned().await;
            let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let outcome = deployed_twice(&server, &case).await;
            (name, outcome)
        });
    }
    let (mut ways, mut failures) = (BTreeMap::new(), Vec::new());
    while let Some(joined) = running.join_next().await {
        let (name, outcome) = joined?;
        match outcome {
            Ok(way) => drop(ways.insert(name, way)),
            Err(error) => failures.push(format!("{name}: {error:#}")),
        }
    }
    failures.sort();
    ensure!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures.join("\n"));
    if std::env::var_os("REPLANK_TEST_CASE").is_none() {
        let text: Vec<String> = ways.into_iter().map(|(name, way)| format!("{name}\n{way}")).collect();
        insta::assert_snapshot!(format!("ways_{}", server.kind.name()), text.join("\n"));
    }
    Ok(())
}

/// Applies a migration in both ways; gives how replank ran each statement.
async fn deployed_twice(server: &Server, case: &Path) -> Result<String> {
    let read = |file: &str| fs::read_to_string(case.join(file)).with_context(|| format!("reading {file}"));
    let (before, script) = (read("before.sql")?, read("migration.sql")?);
    let plain = Project::new(server, "plain").await?;
    plain.feed(&before).await.context("before.sql")?;
    let applied = plain.deploy_plainly(NAME, &script).await?;

    let deployed = Project::new(server, "online").await?;
    deployed.feed(&before).await.context("before.sql")?;
    deployed.add(NAME, &script)?;
    let outcome = deployed.deploy_all_online().args(["--allow-blocking"]).run().await?;
    let outcome = match &applied {
        Ok(()) => outcome.expect_code(0)?,
        Err(error) => {
            // Not every server takes what Prisma writes.
            let outcome = outcome.expect_code(1)?;
            let told = outcome.events("failed").next().map(|seen| seen.event["what"].to_string()).unwrap_or_default();
            let wanted = format!("Database error code: {}\\n\\nDatabase error:\\n{}\\n", error.code, error.message);
            ensure!(told.contains(&wanted), "it failed with {told} instead of {wanted}");
            outcome
        }
    };

    let (wanted, made) = (plain.picture().await?, deployed.picture().await?);
    for at in 0..wanted.len().max(made.len()) {
        ensure!(
            wanted.get(at) == made.get(at),
            "plainly it is\n{}\nand by replank\n{}",
            wanted.get(at).map_or("-", String::as_str),
            made.get(at).map_or("-", String::as_str)
        );
    }
    Ok(ways(&outcome).replace(&deployed.scenario.schema, "schema"))
}

/// A line for each step: which statements, and how they were run.
fn ways(outcome: &Outcome) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut blocked = None;
    for seen in &outcome.events {
        let text = |key: &str| seen.event[key].as_str().unwrap_or_default().to_owned();
        if seen.is("blocking") {
            blocked = Some(text("reason"));
        } else if seen.is("statement_started") {
            let how = blocked.take().map_or_else(|| text("how"), |why| format!("blocking, because {why}"));
            let (from, to) = (&seen.event["number"], &seen.event["to"]);
            let numbers = if from == to { from.to_string() } else { format!("{from} to {to}") };
            lines.push(format!("  {numbers}: {how}"));
        } else if seen.is("run_started") {
            let strategy = text("strategy");
            let strategy = strategy.split(':').next().unwrap_or_default();
            if let Some(line) = lines.last_mut() {
                line.push_str(&format!(", {strategy}"));
            }
        }
    }
    lines.join("\n")
}
