//! Somebody takes the name of a trigger in the moment in which it is free.

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;

use crate::audit::{AUDIT, ITEM};
use crate::intercept::{Intercept, Then};
use crate::support::{Program, Scenario, Server, on_every_server};

on_every_server!(trigger_of_one_statement, trigger_with_a_block);

async fn trigger_of_one_statement(server: Server) -> Result<()> {
    taken(&server, "SET NEW.`total` = ABS(NEW.`total`)", "DROP TRIGGER `Item__rpk_user0`;").await
}

async fn trigger_with_a_block(server: Server) -> Result<()> {
    taken(&server, "BEGIN SET NEW.`total` = ABS(NEW.`total`); END", "CREATE DEFINER=").await
}

async fn taken(server: &Server, body: &str, packet: &str) -> Result<()> {
    let scenario = Scenario::new(server, "taken", &[ITEM, AUDIT]).await?;
    scenario.seed("Item", "token, total", "CONCAT('seed ', n), n", 50).await?;
    scenario.execute(&format!("CREATE TRIGGER `positive` BEFORE INSERT ON `Item` FOR EACH ROW {body}")).await?;
    let schema = &scenario.schema;
    let lock = format!("LOCK TABLES `{schema}`.`Item` WRITE");
    let other =
        format!("CREATE TRIGGER `{schema}`.`positive` BEFORE INSERT ON `{schema}`.`Audit` FOR EACH ROW SET @a = 1");
    let way = Intercept::start(server, &[&lock, packet], Then::First(other)).await?;
    let (target, url) = (format!("{schema}.Item"), way.url(&scenario)?);
    let words = ["alter", &target, "--alter", "MODIFY `total` BIGINT NOT NULL", "--name", "wider", "--force-copy"];
    let program = Program::new(scenario.project()).args(words).args(["--url", &url, "--output", "json"]);
    let failed = program.run().await?.expect_code(14)?;
    ensure!(way.has_met(), "{:#?}", way.statements());
    let said = failed.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(said.contains("\"table\":\"changed: ") && said.contains("replank resume"), "{said}");
    expect_positive(&scenario, 1).await?;
    scenario.execute("DROP TRIGGER `positive`").await?;
    scenario.replank("resume", "Item").succeed().await?;
    expect_positive(&scenario, 2).await?;
    let mut conn = scenario.connect().await?;
    let sql = "SELECT trigger_name FROM information_schema.triggers WHERE event_object_table = 'Item' \
               AND event_object_schema = DATABASE() AND action_timing = 'BEFORE'";
    let names: Vec<String> = conn.query(sql).await?;
    ensure!(names == ["positive"], "{names:?}");
    Ok(conn.disconnect().await?)
}

/// The trigger works, whatever its name is.
async fn expect_positive(scenario: &Scenario, number: i32) -> Result<()> {
    let mut conn = scenario.connect().await?;
    conn.query_drop(format!("INSERT INTO `Item` (`token`, `total`) VALUES ('new {number}', -{number})")).await?;
    let total: Option<i32> =
        conn.query_first(format!("SELECT `total` FROM `Item` WHERE `token` = 'new {number}'")).await?;
    ensure!(total == Some(number), "{total:?} was not made positive");
    Ok(conn.disconnect().await?)
}
