//! kill -9 and lost connections at each statement that moves triggers: whoever comes next finishes or takes back, and
//! meanwhile every write has fired each trigger once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

use crate::audit::{Application, items};
use crate::intercept::{Intercept, Then};
use crate::support::{Program, Scenario, Server, on_every_server, residue};

on_every_server!(killed_before_the_swap, killed_after_the_swap, connection_lost_after_the_swap);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Resume,
    Abort,
}

pub fn on_way(scenario: &Scenario, way: &Intercept) -> Result<Program> {
    let target = format!("{}.Item", scenario.schema);
    let words = ["alter", &target, "--alter", "MODIFY `total` BIGINT NOT NULL", "--name", "wider", "--force-copy"];
    let url = way.url(scenario)?;
    Ok(Program::new(scenario.project()).args(words).args([
        "--max-rows-per-second",
        "2000",
        "--url",
        &url,
        "--output",
        "json",
    ]))
}

async fn killed(server: &Server, beginnings: &[String], next: Next) -> Result<()> {
    killed_in(&items(server, "killed").await?, beginnings, next).await
}

/// Kills a run in front of a statement, lets the application go on, and goes on with the run or takes it back.
pub async fn killed_in(scenario: &Scenario, beginnings: &[String], next: Next) -> Result<()> {
    let before = described(scenario).await?;
    let application = Application::start(scenario).await?;
    let beginnings: Vec<String> = beginnings.iter().map(|text| text.replace("SCHEMA", &scenario.schema)).collect();
    let beginnings: Vec<&str> = beginnings.iter().map(String::as_str).collect();
    let mut way = Intercept::start(&scenario.server, &beginnings, Then::Hold).await?;
    let mut run = on_way(scenario, &way)?.start()?;
    let met = tokio::time::timeout(Duration::from_secs(60), way.met()).await;
    run.kill();
    let ended = run.finish().await?;
    met.with_context(|| format!("it never sent {beginnings:?}: {:#?}", ended.events.last()))??;
    sleep(Duration::from_millis(100)).await;
    let command = if next == Next::Resume { "resume" } else { "abort" };
    scenario.replank(command, "Item").succeed().await.with_context(|| format!("{command} behind {beginnings:?}"))?;
    sleep(Duration::from_millis(100)).await;
    application.stop(scenario).await.with_context(|| format!("{command} behind {beginnings:?}"))?;
    let definition = residue::definition(&mut scenario.connect().await?, "`Item`").await?;
    ensure!(definition.contains("`total` bigint") == (next == Next::Resume), "{definition}");
    if next == Next::Resume {
        scenario.replank("cleanup", "Item").succeed().await?;
    }
    let after = described(scenario).await?;
    ensure!(after == before, "{command} behind {beginnings:?} left\n{after:#?}\ninstead of\n{before:#?}");
    Ok(())
}

/// All triggers of the schema, in the order in which they fire, with their texts.
pub async fn described(scenario: &Scenario) -> Result<Vec<String>> {
    let mut conn = scenario.connect().await?;
    let sql = "SELECT CONCAT_WS(' ', event_object_table, event_manipulation, action_timing, action_order, trigger_name, \
               action_statement) FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
               ORDER BY event_manipulation, action_timing, action_order";
    let told = conn.query(sql).await?;
    conn.disconnect().await?;
    Ok(told)
}

pub fn edge(statements: &[&str]) -> Vec<String> {
    statements.iter().map(|&statement| statement.to_owned()).collect()
}

async fn killed_before_the_swap(server: Server) -> Result<()> {
    let definer = definer(&server).await?;
    // The first time is the proof before the copy, which drops what it has made.
    let proof = edge(&[&format!("CREATE {definer} TRIGGER `Item__rpk_user3`")]);
    let staging = edge(&[
        "DROP TRIGGER IF EXISTS `SCHEMA`.`Item__rpk_rins`",
        &format!("CREATE {definer} TRIGGER `Item__rpk_user3`"),
    ]);
    let locking = edge(&["LOCK TABLES `SCHEMA`.`Item` WRITE, `SCHEMA`.`Item__rpk_new` WRITE"]);
    killed(&server, &proof, Next::Abort).await?;
    killed(&server, &staging, Next::Resume).await?;
    killed(&server, &staging, Next::Abort).await?;
    killed(&server, &locking, Next::Resume).await
}

async fn killed_after_the_swap(server: Server) -> Result<()> {
    let definer = definer(&server).await?;
    let create = format!("CREATE {definer} TRIGGER `");
    let lock = "LOCK TABLES `SCHEMA`.`Item` WRITE";
    for statements in [
        // Some names are free, the others are not.
        edge(&["DROP TRIGGER IF EXISTS `SCHEMA`.`u_before_b`"]),
        // In front of the first, and behind the second, pair of statements.
        edge(&[lock, &create]),
        edge(&[lock, &create, &create, "SET NAMES utf8mb4"]),
    ] {
        killed(&server, &statements, Next::Resume).await?;
    }
    Ok(())
}

/// The pair is done, and nobody hears of it.
async fn connection_lost_after_the_swap(server: Server) -> Result<()> {
    let create = format!("CREATE {} TRIGGER `", definer(&server).await?);
    let scenario = items(&server, "lost").await?;
    let before = described(&scenario).await?;
    let application = Application::start(&scenario).await?;
    let lock = format!("LOCK TABLES `{}`.`Item` WRITE", scenario.schema);
    let way = Intercept::start(&server, &[&lock, &create, &create], Then::CutAnswer).await?;
    on_way(&scenario, &way)?.succeed().await?;
    ensure!(way.has_met(), "{:#?}", way.statements());
    application.stop(&scenario).await?;
    scenario.replank("cleanup", "Item").succeed().await?;
    ensure!(described(&scenario).await? == before, "{:#?}", described(&scenario).await?);
    Ok(())
}

/// `DEFINER=…` of this account, as the servers print it.
pub async fn definer(server: &Server) -> Result<String> {
    let mut conn = server.connect("").await?;
    let user: Option<String> = conn.query_first("SELECT CURRENT_USER()").await?;
    conn.disconnect().await?;
    let user = user.context("an account")?;
    let (name, host) = user.split_once('@').context("an account has a host")?;
    Ok(format!("DEFINER=`{name}`@`{host}`"))
}
