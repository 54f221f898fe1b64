//! The way back: the triggers go along, and fire exactly once for each write there, too.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

use crate::audit::{Application, alter, items};
use crate::intercept::{Intercept, Then};
use crate::killed::{definer, described};
use crate::support::{Program, Scenario, Server, on_every_server, residue};

on_every_server!(rolled_back_under_load, rollback_killed_before_and_after_the_swap);

async fn rolled_back_under_load(server: Server) -> Result<()> {
    let scenario = items(&server, "back").await?;
    let before = described(&scenario).await?;
    there_and_back(&scenario).await?.stop(&scenario).await?;
    expect_back(&scenario, &before).await
}

/// A change and its rollback under an application, which goes on.
pub async fn there_and_back(scenario: &Scenario) -> Result<Application> {
    let application = Application::start(scenario).await?;
    alter(scenario).succeed().await?;
    sleep(Duration::from_millis(200)).await;
    scenario.replank("rollback", "Item").args(["--yes"]).succeed().await?;
    sleep(Duration::from_millis(200)).await;
    Ok(application)
}

pub async fn expect_back(scenario: &Scenario, before: &[String]) -> Result<()> {
    let definition = residue::definition(&mut scenario.connect().await?, "`Item`").await?;
    ensure!(!definition.contains("`size`"), "{definition}");
    let after = described(scenario).await?;
    ensure!(after == before, "the triggers are\n{after:#?}\ninstead of\n{before:#?}");
    Ok(())
}

/// Killed in front of a statement of the rollback; gives what the next command has to deal with.
pub async fn killed(scenario: &Scenario, beginnings: &[&str]) -> Result<()> {
    let mut way = Intercept::start(&scenario.server, beginnings, Then::Hold).await?;
    let (target, url) = (format!("{}.Item", scenario.schema), way.url(scenario)?);
    let program =
        Program::new(scenario.project()).args(["rollback", &target, "--yes", "--url", &url, "--output", "json"]);
    let mut run = program.start()?;
    let met = tokio::time::timeout(Duration::from_secs(60), way.met()).await;
    run.kill();
    let ended = run.finish().await?;
    met.with_context(|| format!("it never sent {beginnings:?}: {:#?}", ended.events.last()))?
}

async fn rollback_killed_before_and_after_the_swap(server: Server) -> Result<()> {
    let scenario = items(&server, "back").await?;
    let before = described(&scenario).await?;
    let application = Application::start(&scenario).await?;
    alter(&scenario).succeed().await?;
    let create = format!("CREATE {} TRIGGER `", definer(&server).await?);
    // Staged on the old table in part, which then goes back to where it is kept.
    killed(&scenario, &["DROP TRIGGER IF EXISTS", &create, &create, &create]).await?;
    scenario.replank("abort", "Item").succeed().await?;
    sleep(Duration::from_millis(100)).await;
    let lock = format!("LOCK TABLES `{}`.`Item` WRITE", scenario.schema);
    killed(&scenario, &[&lock, &create]).await?;
    sleep(Duration::from_millis(100)).await;
    scenario.replank("resume", "Item").succeed().await?;
    sleep(Duration::from_millis(100)).await;
    application.stop(&scenario).await?;
    expect_back(&scenario, &before).await
}
