//! What happens while the clauses are tried on an empty table: to that table, and to the one it is made like.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

use crate::intercept::{Intercept, Then};
use crate::support::{Program, Run, Scenario, Server, on_every_server, residue};
use crate::{alter_as, plain, rebuild, shop};

on_every_server!(killed_while_tried, table_of_a_live_trial, books_that_were_there, altered_while_planned);

/// A dry run that stays at the end of its trial, and the way on which it is held there.
async fn held(scenario: &Scenario) -> Result<(Run, Intercept)> {
    let drop = format!("DROP TABLE IF EXISTS `{}`.`rpk_trial_", scenario.bookkeeping());
    let algorithm = format!("ALTER TABLE `{}`.`rpk_trial_", scenario.bookkeeping());
    let mut way = Intercept::start(&scenario.server, &[&algorithm, &drop], Then::Hold).await?;
    let run = alter_as(scenario, &way.url(scenario)?, "Order", "FORCE").args(["--dry-run"]).start()?;
    way.met().await?;
    Ok((run, way))
}

/// The same, killed, and forgotten by the server. Gives the table that stays.
async fn left_behind(scenario: &Scenario) -> Result<String> {
    let (mut run, _way) = held(scenario).await?;
    run.kill();
    run.finish().await?;
    let table = trials(scenario).await?.pop().unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let target = format!("{}.Order", scenario.schema);
        let status = Program::new(scenario.project()).args(["status", &target, "--url", &scenario.url()]);
        let status = status.succeed().await?;
        let listed = format!("leftovers  {}.{table}\n", scenario.bookkeeping());
        if status.stdout.contains(&listed) {
            let next = format!("`replank cleanup {target}` removes it");
            ensure!(status.stdout.contains(&next), "{}", status.stdout);
            return Ok(table);
        }
        ensure!(Instant::now() < deadline, "{listed} is not listed: {}", status.stdout);
        sleep(Duration::from_millis(50)).await;
    }
}

async fn trials(scenario: &Scenario) -> Result<Vec<String>> {
    let books = residue::objects(&mut scenario.connect().await?, &scenario.bookkeeping()).await?;
    let tables = books.iter().filter_map(|object| object.strip_prefix("table "));
    Ok(tables.filter(|table| table.starts_with("rpk_trial_")).map(str::to_owned).collect())
}

async fn has_books(scenario: &Scenario) -> Result<bool> {
    let sql = format!("SHOW DATABASES LIKE '{}'", scenario.bookkeeping());
    Ok(scenario.connect().await?.query_first::<String, _>(sql).await?.is_some())
}

/// Every later command removes the table, and the schema that was made for it.
async fn killed_while_tried(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let dry_run = rebuild(&scenario, "Order").args(["--dry-run"]);
    let commands = ["resume", "abort", "cleanup"].map(|command| scenario.replank(command, "Order"));
    for program in commands.into_iter().chain([dry_run]) {
        let table = left_behind(&scenario).await?;
        ensure!(!table.is_empty(), "nothing was left");
        // Without a table named, it is found as well.
        let all = Program::new(scenario.project()).args(["status", "--url", &scenario.url()]).succeed().await?;
        ensure!(all.stdout.contains(&table), "{}", all.stdout);
        program.succeed().await?;
        ensure!(!has_books(&scenario).await?, "{program:?} left {:?}", trials(&scenario).await?);
    }
    Ok(())
}

/// A schema that somebody else made stays, empty as it may be.
async fn books_that_were_there(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    scenario.execute(&format!("CREATE DATABASE `{}`", scenario.bookkeeping())).await?;
    left_behind(&scenario).await?;
    scenario.replank("cleanup", "Order").succeed().await?;
    ensure!(has_books(&scenario).await? && trials(&scenario).await?.is_empty(), "the schema is gone, or not empty");
    Ok(())
}

async fn table_of_a_live_trial(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    scenario.execute(&format!("CREATE DATABASE `{}`", scenario.bookkeeping())).await?;
    let (_run, _way) = held(&scenario).await?;
    let before = trials(&scenario).await?;
    ensure!(before.len() == 1, "there is {before:?}");
    for command in ["resume", "abort", "cleanup"] {
        scenario.replank(command, "Order").succeed().await?;
    }
    rebuild(&scenario, "Order").args(["--dry-run"]).succeed().await?;
    ensure!(trials(&scenario).await? == before, "there is {:?} instead of {before:?}", trials(&scenario).await?);
    let status = scenario.replank("status", "Order").succeed().await?;
    ensure!(status.lists_no_run(), "a trial that goes on is no leftover: {}", status.stdout);
    Ok(())
}

/// A column that somebody adds between the look at the table and the copy would be copied without its values.
async fn altered_while_planned(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let tried = format!("CREATE TABLE `{}`.`rpk_trial_", scenario.bookkeeping());
    let foreign = format!("ALTER TABLE `{}`.`Order` ADD COLUMN `theirs` INTEGER NOT NULL DEFAULT 7", scenario.schema);
    let way = Intercept::start(&server, &[&tried], Then::First(foreign)).await?;
    let outcome = alter_as(&scenario, &way.url(&scenario)?, "Order", "FORCE").run().await?.expect_code(11)?;
    ensure!(way.has_met(), "nothing was tried");
    assert_text!(plain(&scenario, &outcome.stderr), @r"
    error: `shop`.`Order` was altered by somebody else since the change was planned
      table: untouched by replank; its copy would not have that change
      next:  `replank abort shop.Order`, then run the change again
    ");
    scenario.replank("abort", "Order").succeed().await?;
    rebuild(&scenario, "Order").succeed().await?;
    Ok(())
}
