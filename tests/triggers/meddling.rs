//! Somebody else drops, makes or changes a trigger during a run: it is noticed, never swapped over.

use anyhow::{Result, ensure};

use crate::audit::{alter, items};
use crate::support::{Scenario, Server, on_every_server};

on_every_server!(triggers_changed_during_the_copy);

async fn triggers_changed_during_the_copy(server: Server) -> Result<()> {
    let scenario = items(&server, "meddling").await?;
    scenario.seed("Item", "token, total", "CONCAT('more ', n), n", 3_000).await?;
    let mut run = alter(&scenario).start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    scenario.execute("DROP TRIGGER `u_after`").await?;
    let outcome = run.finish().await?.expect_code(11)?;
    let said = outcome.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(said.contains("somebody dropped its trigger u_after"), "{said}");
    resumes_to(&scenario, "somebody dropped its trigger u_after").await?;
    let other = "CREATE TRIGGER `u_after` AFTER UPDATE ON `Item` FOR EACH ROW SET @other = 1";
    scenario.execute(other).await?;
    resumes_to(&scenario, "somebody changed its trigger u_after").await?;
    scenario.replank("abort", "Item").succeed().await?;
    Ok(())
}

async fn resumes_to(scenario: &Scenario, why: &str) -> Result<()> {
    let outcome = scenario.replank("resume", "Item").run().await?.expect_code(11)?;
    let said = outcome.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(said.contains(why), "it does not say `{why}`: {said}");
    ensure!(!outcome.swapped(), "it swapped");
    Ok(())
}
