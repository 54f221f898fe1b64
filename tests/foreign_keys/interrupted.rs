//! kill -9 at the statements of the swap and of what moves foreign keys, while the application writes on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;

use crate::intercept::{Intercept, Then};
use crate::support::{Kind, Program, Scenario, Server, on_every_server, oracle, residue};
use crate::{PAUSE, expect_like_plain_sql, shop};

on_every_server!(
    #[ignore = "for changes of the preparation"]
    before_cascades_are_logged,
    #[ignore = "for changes of the window"]
    before_the_row_mirror,
    before_the_new_keys,
    before_the_rename,
    #[ignore = "for changes of what moves the keys"]
    before_a_child_is_re_pointed,
    before_a_child_gets_its_names,
    #[ignore = "for changes of what moves the keys"]
    before_the_old_table_is_released,
    before_the_names_of_its_own,
);

const CLAUSES: &str = "ADD COLUMN `priority` INTEGER NOT NULL DEFAULT 0";

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Resume,
    Abort,
}

async fn before_cascades_are_logged(server: Server) -> Result<()> {
    // In the order of tables: on the table itself first.
    killed_at(&server, |schema| format!("CREATE TRIGGER `{schema}`.`{schema}.Order__rpk_c2"), After::Abort).await
}

async fn before_the_row_mirror(server: Server) -> Result<()> {
    killed_at(&server, |schema| format!("CREATE TRIGGER `{schema}`.`Order__rpk_mupd`"), After::Resume).await
}

async fn before_the_new_keys(server: Server) -> Result<()> {
    killed_at(&server, |schema| format!("ALTER TABLE `{schema}`.`Order__rpk_new` ADD CONSTRAINT"), After::Abort).await
}

async fn before_the_rename(server: Server) -> Result<()> {
    killed_at(&server, |schema| format!("RENAME TABLE `{schema}`.`Order` TO"), After::Resume).await?;
    killed_at(&server, |schema| format!("RENAME TABLE `{schema}`.`Order` TO"), After::Abort).await
}

async fn before_a_child_is_re_pointed(server: Server) -> Result<()> {
    killed_at(
        &server,
        |schema| format!("ALTER TABLE `{schema}`.`Payment` ADD CONSTRAINT `Payment_orderId_fkey__"),
        After::Resume,
    )
    .await
}

async fn before_a_child_gets_its_names(server: Server) -> Result<()> {
    killed_at(
        &server,
        |schema| format!("ALTER TABLE `{schema}`.`Line` ADD CONSTRAINT `Line_orderId_fkey` "),
        After::Resume,
    )
    .await
}

async fn before_the_old_table_is_released(server: Server) -> Result<()> {
    // MySQL drops the one to the table itself in the window.
    let first = if server.kind == Kind::MySql97 { "`Order_userId_fkey`" } else { "" };
    let statement = |schema: &str| format!("ALTER TABLE `{schema}`.`Order__rpk_old` DROP FOREIGN KEY {first}");
    killed_at(&server, statement, After::Resume).await
}

async fn before_the_names_of_its_own(server: Server) -> Result<()> {
    killed_at(&server, |schema| format!("ALTER TABLE `{schema}`.`Order` ADD CONSTRAINT"), After::Resume).await
}

/// The triggers that are left, on the table and where cascades begin, are all in `status`.
async fn expect_triggers_in_status(scenario: &Scenario) -> Result<()> {
    let status: serde_json::Value =
        serde_json::from_slice(&scenario.replank("status", "Order").command().output()?.stdout)?;
    let leftovers = status["runs"][0]["leftovers"].as_array().cloned().unwrap_or_default();
    let told: BTreeSet<String> = leftovers
        .iter()
        .filter_map(|leftover| Some(leftover.as_str()?.split_once(" (trigger")?.0.to_owned()))
        .collect();
    let sql = "SELECT CONCAT(trigger_schema, '.', trigger_name) FROM information_schema.triggers \
               WHERE trigger_schema = DATABASE() AND trigger_name LIKE '%\\_\\_rpk\\_%'";
    let found: BTreeSet<String> = scenario.connect().await?.query::<String, _>(sql).await?.into_iter().collect();
    ensure!(!found.is_empty(), "there is no trigger to be told of");
    ensure!(told == found, "status tells of {told:?}, and there are {found:?}");
    Ok(())
}

async fn killed_at(server: &Server, statement: impl Fn(&str) -> String, after: After) -> Result<()> {
    let (scenario, models) = shop::scenario(server, "fk_kill").await?;
    let application = shop::Application::start(&scenario, models, PAUSE).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let orphans = tokio::spawn(shop::watch_orphans(scenario.connect().await?, Arc::clone(&stop)));
    let mut way = Intercept::start(server, &[&statement(&scenario.schema)], Then::Hold).await?;
    let (target, url) = (format!("{}.Order", scenario.schema), way.url(&scenario)?);
    let words =
        ["alter", &target, "--alter", CLAUSES, "--name", "change", "--url", &url, "--output", "json", "--force-copy"];
    let mut run = Program::new(scenario.project()).args(words).start()?;
    let met = tokio::time::timeout(Duration::from_secs(150), way.met()).await;
    run.kill();
    let killed = run.finish().await?;
    ensure!(
        met.is_ok(),
        "it never came to its statement: {:#?}\n{}",
        way.statements().iter().rev().take(20).collect::<Vec<_>>(),
        killed.stderr
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    expect_triggers_in_status(&scenario).await?;
    let over = match after {
        After::Resume => scenario.replank("resume", "Order").succeed().await?,
        After::Abort => scenario.replank("abort", "Order").succeed().await?,
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    orphans.await??;
    let (models, record) = application.stop().await?;
    oracle::expect_none(&record.unretryable(), &[&killed, &over])?;
    shop::expect_contents(&mut scenario.connect().await?, &models).await?;
    if after == After::Resume {
        expect_like_plain_sql(&scenario, "Order", CLAUSES).await?;
        scenario.replank("cleanup", "Order").succeed().await?;
    } else {
        expect_like_plain_sql(&scenario, "Order", "COMMENT = ''").await?;
    }
    residue::expect_nothing_left(&scenario, &shop::TABLES).await
}
