//! Connections that are lost, and servers that fail, at a certain statement: what has happened is recorded, what has not
//! is forgotten.

use anyhow::{Result, ensure};

use crate::intercept::{Intercept, Then};
use crate::support::{Outcome, Program, Scenario, Server, on_every_server, prisma, residue};
use crate::{Before, expect_no_run, shop};

on_every_server!(
    lost_before_the_change,
    lost_after_the_change,
    lost_before_the_unlock,
    books_gone_after_the_change,
    altered_before_the_lock,
    refused_by_the_server,
);

const CLAUSES: &str = "ADD COLUMN `sku` VARCHAR(64) NULL";

/// Runs the change on a way to the server that is disturbed.
async fn disturbed(scenario: &Scenario, beginnings: &[&str], then: Then) -> Result<Outcome> {
    let way = Intercept::start(&scenario.server, beginnings, then).await?;
    let (target, url) = (format!("{}.Order", scenario.schema), way.url(scenario)?);
    let words = ["alter", &target, "--alter", CLAUSES, "--name", "native", "--url", &url, "--output", "json"];
    let outcome = Program::new(scenario.project()).args(words).run().await?;
    ensure!(way.has_met(), "none of its statements was {beginnings:?}: {:#?}", way.statements());
    Ok(outcome)
}

fn alter(scenario: &Scenario) -> String {
    format!("ALTER TABLE `{}`.`Order` ", scenario.schema)
}

async fn lost_before_the_change(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let before = Before::look(&scenario).await?;
    disturbed(&scenario, &[&alter(&scenario)], Then::Cut).await?.expect_code(0)?;
    before.expect_changed(&scenario, CLAUSES).await
}

async fn lost_after_the_change(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let before = Before::look(&scenario).await?;
    disturbed(&scenario, &[&alter(&scenario)], Then::CutAnswer).await?.expect_code(0)?;
    before.expect_changed(&scenario, CLAUSES).await
}

async fn lost_before_the_unlock(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let before = Before::look(&scenario).await?;
    disturbed(&scenario, &[&alter(&scenario), "UNLOCK TABLES"], Then::Cut).await?.expect_code(0)?;
    before.expect_changed(&scenario, CLAUSES).await
}

/// The change has happened and cannot be noted: that is no failure that leaves the table untouched.
async fn books_gone_after_the_change(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let before = Before::look(&scenario).await?;
    let books = scenario.bookkeeping();
    let gone = format!("RENAME TABLE `{books}`.replank_runs TO `{books}`.away");
    let outcome = disturbed(&scenario, &[&alter(&scenario), "UNLOCK TABLES"], Then::First(gone)).await?;
    let outcome = outcome.expect_code(21)?;
    let failure = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    ensure!(failure["table"] == "changed: the new definition is in place", "{failure}");
    let next = format!("`replank resume {}.Order` records the migration", scenario.schema);
    ensure!(failure["next"][0].as_str().is_some_and(|told| told.starts_with(&next)), "{failure}");
    scenario.execute(&format!("RENAME TABLE `{books}`.away TO `{books}`.replank_runs")).await?;
    scenario.replank("resume", "Order").succeed().await?;
    before.expect_changed(&scenario, CLAUSES).await
}

/// A foreign change between the look at the table and the lock.
async fn altered_before_the_lock(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let foreign = format!("{} ADD COLUMN `theirs` INTEGER NULL", alter(&scenario));
    let lock = format!("LOCK TABLES `{}`.`Order` WRITE", scenario.schema);
    let outcome = disturbed(&scenario, &[&lock], Then::First(foreign)).await?.expect_code(11)?;
    let failure = outcome.events("failed").next().map(|seen| seen.event.to_string()).unwrap_or_default();
    ensure!(failure.contains("altered by somebody else") && failure.contains("run the change again"), "{failure}");
    let now = residue::definition(&mut scenario.connect().await?, "`Order`").await?;
    ensure!(now.contains("`theirs`") && !now.contains("`sku`"), "the table is {now}");
    ensure!(prisma::recorded(&mut scenario.connect().await?).await?.is_empty(), "the ledger has a row");
    // Nothing is in the way of the next try.
    scenario.alter("Order", CLAUSES, "again").succeed().await?;
    Ok(())
}

/// The clauses are tried on a table without foreign keys, so the server may still say no.
async fn refused_by_the_server(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let before = Before::look(&scenario).await?;
    let program = scenario.alter("Order", "DROP INDEX `Order_userId_fkey`", "native");
    let refused = program.run().await?.expect_code(14)?;
    let failure = refused.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    ensure!(failure["table"] == "untouched", "{failure}");
    ensure!(Before::look(&scenario).await?.objects == before.objects, "something is left in the schema");
    ensure!(prisma::recorded(&mut scenario.connect().await?).await?.is_empty(), "the ledger has a row");
    expect_no_run(&scenario).await?;
    Ok(())
}
