//! Views, routines and events that name the table go on working; those that a change breaks are named before it.

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use crate::audit::{AUDIT, ITEM};
use crate::support::{Program, Scenario, Server, on_every_server};

on_every_server!(programs_outlive_the_swap, programs_that_break_are_named);

async fn with_programs(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "programs", &[ITEM, AUDIT]).await?;
    scenario.seed("Item", "token, total", "CONCAT('seed ', n), n", 100).await?;
    for sql in [
        "CREATE VIEW `Dear` AS SELECT i.`id`, i.`total` AS `price` FROM `Item` i WHERE i.`total` > 90",
        "CREATE VIEW `Plain` AS SELECT * FROM `Item`",
        "CREATE VIEW `Tokens` AS SELECT `token` FROM `Item`",
        "CREATE FUNCTION `total_of`(n INT) RETURNS INT READS SQL DATA \
         RETURN (SELECT `total` FROM `Item` WHERE `id` = n)",
        "CREATE PROCEDURE `rename_one`(n INT) UPDATE `Item` SET `token` = 'renamed' WHERE `id` = n",
        "CREATE EVENT `nightly` ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO DELETE FROM `Item` WHERE `total` < 0",
        "CREATE TRIGGER `of_audit` AFTER DELETE ON `Audit` FOR EACH ROW \
         UPDATE `Item` SET `total` = `total` + 1 WHERE `token` = OLD.`token`",
    ] {
        scenario.execute(sql).await?;
    }
    Ok(scenario)
}

async fn programs_outlive_the_swap(server: Server) -> Result<()> {
    let scenario = with_programs(&server).await?;
    let mut conn = scenario.connect().await?;
    // Prepared before, executed after.
    let dear = conn.prep("SELECT COUNT(*) FROM `Dear`").await?;
    let call = conn.prep("CALL `rename_one`(?)").await?;
    let before: Option<u64> = conn.exec_first(&dear, ()).await?;
    let clauses = "MODIFY `total` BIGINT NOT NULL, ADD COLUMN `size` INTEGER NULL";
    scenario.alter("Item", clauses, "wider").args(["--force-copy"]).succeed().await?;
    let after: Option<u64> = conn.exec_first(&dear, ()).await?;
    ensure!(after == before && after == Some(9), "{before:?} and {after:?} rows are dear");
    conn.exec_drop(&call, (7,)).await?;
    conn.query_drop("INSERT INTO `Audit` (`who`, `event`, `token`) VALUES ('x', 'x', 'renamed')").await?;
    conn.query_drop("DELETE FROM `Audit`").await?;
    let row: Option<(i64, String)> =
        conn.query_first("SELECT `total_of`(7), `token` FROM `Plain` WHERE `id` = 7").await?;
    ensure!(row == Some((7, "renamed".to_owned())), "{row:?}");
    scenario.replank("cleanup", "Item").succeed().await?;
    let again: Option<u64> = conn.exec_first(&dear, ()).await?;
    ensure!(again == after, "{again:?}");
    let events: Vec<String> =
        conn.query("SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE()").await?;
    ensure!(events == ["nightly"], "{events:?}");
    Ok(conn.disconnect().await?)
}

async fn programs_that_break_are_named(server: Server) -> Result<()> {
    let scenario = with_programs(&server).await?;
    let target = format!("{}.Item", scenario.schema);
    let words = ["alter", &target, "--alter", "DROP COLUMN `total`", "--name", "gone", "--dry-run", "--output", "json"];
    let output = Program::new(scenario.project()).args(words).args(["--url", &scenario.url()]).command().output()?;
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).context("the plan")?;
    let findings = plan["findings"].to_string();
    expect_named(&findings)?;
    // The same in the plan of a deploy.
    let folder = scenario.migrations().join("20990101000000_gone");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("migration.sql"), "ALTER TABLE `Item` DROP COLUMN `total`;\n")?;
    let words = ["plan", "--url", &scenario.url(), "--output", "json"];
    let output = Program::new(scenario.project()).args(words).command().output()?;
    expect_named(&String::from_utf8_lossy(&output.stdout))
}

fn expect_named(findings: &str) -> Result<()> {
    for named in
        ["view `Dear` names `total`", "view `Plain`", "function `total_of`", "event `nightly`", "trigger `of_audit`"]
    {
        ensure!(findings.contains(named), "{named} is not among {findings}");
    }
    for other in ["Tokens", "rename_one"] {
        ensure!(!findings.contains(other), "{other} is among {findings}");
    }
    Ok(())
}
