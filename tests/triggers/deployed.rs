//! Migrations that make and drop triggers around a change of their table: the order of the file counts.

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use crate::audit::{AUDIT, ITEM};
use crate::support::{Program, Scenario, Server, on_every_server};

on_every_server!(in_the_order_of_the_file);

const SCRIPT: &str = "DROP TRIGGER `old_total`;
ALTER TABLE `Item` RENAME COLUMN `total` TO `sum`, MODIFY `token` VARCHAR(300) NOT NULL;
CREATE TRIGGER `new_total` BEFORE INSERT ON `Item` FOR EACH ROW SET NEW.`sum` = ABS(NEW.`sum`);
ALTER TABLE `Item` MODIFY `sum` BIGINT NOT NULL;
INSERT INTO `Item` (`token`, `sum`) VALUES ('by the migration', -5);
";

async fn in_the_order_of_the_file(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "deployed", &[ITEM, AUDIT]).await?;
    scenario.seed("Item", "token, total", "CONCAT('seed ', n), n", 200).await?;
    for trigger in [
        "CREATE TRIGGER `old_total` BEFORE INSERT ON `Item` FOR EACH ROW SET NEW.`total` = ABS(NEW.`total`)",
        "CREATE TRIGGER `noted` AFTER INSERT ON `Item` FOR EACH ROW \
         INSERT INTO `Audit` (`who`, `event`, `token`) VALUES ('noted', 'insert', NEW.`token`)",
    ] {
        scenario.execute(trigger).await?;
    }
    let folder = scenario.migrations().join("20990101000000_sum");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("migration.sql"), SCRIPT)?;
    let command = |words: &[&str]| {
        let url = scenario.url();
        let program = Program::new(scenario.project()).args(words.iter().copied().chain(["--url", &url]));
        program.env("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK", "1")
    };
    let plan = command(&["plan", "--online-above", "0", "--output", "json"]).command().output()?;
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).context("the plan")?;
    ensure!(!plan.to_string().contains("old_total` of"), "{plan:#}");
    let deployed = command(&["deploy", "--online-above", "0", "--output", "json"]).succeed().await?;
    let copies = deployed.events.iter().filter(|seen| seen.is_phase("phase_finished", "copy")).count();
    ensure!(copies == 2, "{copies} of its changes were copies");
    let mut conn = scenario.connect().await?;
    let triggers: Vec<String> = conn
        .query("SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1")
        .await?;
    ensure!(triggers == ["new_total", "noted"], "{triggers:?}");
    let noted: Vec<String> = conn.query("SELECT `token` FROM `Audit`").await?;
    ensure!(noted == ["by the migration"], "{noted:?}");
    let sum: Option<i64> = conn.query_first("SELECT `sum` FROM `Item` WHERE `token` = 'by the migration'").await?;
    ensure!(sum == Some(5), "{sum:?}");
    Ok(conn.disconnect().await?)
}
