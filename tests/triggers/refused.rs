//! Triggers that only the server can find unfit for the new definition: found before anything is copied.

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;

use crate::audit::{AUDIT, ITEM};
use crate::support::{Scenario, Server, on_every_server, residue};

on_every_server!(column_that_goes_unseen);

/// What is in double quotes is a name there, or is none.
async fn column_that_goes_unseen(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "unfit", &[ITEM, AUDIT]).await?;
    scenario.seed("Item", "token, total", "CONCAT('seed ', n), n", 20).await?;
    let mut conn = scenario.connect().await?;
    conn.query_drop("SET SESSION sql_mode = 'ANSI_QUOTES'").await?;
    let trigger = "CREATE TRIGGER `doubled` BEFORE INSERT ON `Item` FOR EACH ROW SET NEW.\"total\" = 2 * NEW.\"total\"";
    conn.query_drop(trigger).await?;
    conn.disconnect().await?;
    let program = scenario.alter("Item", "RENAME COLUMN `total` TO `sum`", "unfit").args(["--force-copy"]);
    let outcome = program.run().await?.expect_code(10)?;
    let said = outcome.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(said.contains("the trigger `doubled`") && said.contains("ERROR 1054"), "{said}");
    ensure!(!outcome.events.iter().any(|seen| seen.is_phase("phase_started", "copy")), "it was copied");
    scenario.replank("abort", "Item").succeed().await?;
    let objects = residue::objects(&mut scenario.connect().await?, &scenario.schema).await?;
    ensure!(objects.iter().all(|object| !object.contains("__rpk_")), "{objects:?}");
    Ok(())
}
