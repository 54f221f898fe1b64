//! Each trigger fires once for each write, and for nothing else, through a whole change.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::audit::{Application, alter, items, silent_items};
use crate::support::{Outcome, Scenario, Server, on_every_server, residue};

on_every_server!(
    once_for_each_write,
    once_without_an_old_table,
    #[ignore = "measures, and proves nothing; alone on a machine, with --nocapture"]
    lock_windows,
);

async fn once_for_each_write(server: Server) -> Result<()> {
    let scenario = items(&server, "firing").await?;
    changed(&scenario, &[]).await?;
    let objects = residue::objects(&mut scenario.connect().await?, &scenario.schema).await?;
    ensure!(!objects.iter().any(|object| object.contains("__rpk_user")), "{objects:?}");
    let application = Application::start(&scenario).await?;
    scenario.replank("cleanup", "Item").succeed().await?;
    application.stop(&scenario).await.map(drop)
}

async fn once_without_an_old_table(server: Server) -> Result<()> {
    changed(&items(&server, "firing").await?, &["--drop-old"]).await
}

async fn changed(scenario: &Scenario, words: &[&str]) -> Result<()> {
    let application = Application::start(scenario).await?;
    sleep(Duration::from_millis(200)).await;
    let outcome = alter(scenario).args(words).succeed().await?;
    sleep(Duration::from_millis(200)).await;
    let written = application.stop(scenario).await?;
    println!(
        "{written} writes; cutover {:?}, triggers {:?}",
        windows(&outcome, "cutover"),
        windows(&outcome, "triggers")
    );
    // What is written down already would be in the way of the next comparison.
    scenario.execute("DELETE FROM `Audit`").await
}

/// Milliseconds for which locks were held.
fn windows(outcome: &Outcome, purpose: &str) -> Vec<u128> {
    let granted = outcome.lock_windows(purpose).into_iter().filter(|window| window.granted);
    granted.map(|window| window.length.as_millis()).collect()
}

/// Medians of twenty changes with triggers and twenty without.
async fn lock_windows(server: Server) -> Result<()> {
    for has_triggers in [false, true] {
        let (mut cutovers, mut triggers) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            let scenario = match has_triggers {
                true => items(&server, "windows").await?,
                false => silent_items(&server, "windows").await?,
            };
            let application = Application::start(&scenario).await?;
            let outcome = alter(&scenario).args(["--drop-old"]).succeed().await?;
            application.stop_unaudited().await?;
            cutovers.extend(windows(&outcome, "cutover"));
            triggers.extend(windows(&outcome, "triggers"));
        }
        let count = triggers.len();
        for windows in [&mut cutovers, &mut triggers] {
            windows.sort_unstable();
        }
        let (cutover, trigger) = (cutovers[cutovers.len() / 2], triggers[count / 2]);
        println!(
            "{}, triggers {has_triggers}: cutover {cutover} ms, {count} trigger windows of {trigger} ms, at most {:?} ms",
            server.kind.title(),
            triggers.last()
        );
    }
    Ok(())
}
