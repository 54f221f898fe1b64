//! Tables that another run is changing, or was.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::support::{Run, Scenario, Server, on_every_server};
use crate::{plain, rebuild, refused, shop};

on_every_server!(
    table_of_a_live_run,
    table_of_a_dead_run,
    unmeasurable_resume,
    resume_of_a_live_run,
    nothing_to_resume
);

/// A run that will not end by itself before the test does.
async fn begun(scenario: &Scenario) -> Result<Run> {
    scenario.seed("Order", "total", "n", 5_000).await?;
    let program = scenario.alter("Order", "FORCE", "first").args(["--max-rows-per-second", "50"]);
    let mut run = program.start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    Ok(run)
}

/// The same, killed, and forgotten by the server.
async fn left_behind(scenario: &Scenario) -> Result<()> {
    let mut run = begun(scenario).await?;
    run.kill();
    run.finish().await?;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let status = scenario.replank("status", "Order").succeed().await?;
        if status.stdout.contains("\"stopped\"") {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the dead run still counts as alive: {}", status.stdout);
        sleep(Duration::from_millis(50)).await;
    }
}

async fn table_of_a_live_run(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let _run = begun(&scenario).await?;
    let text = refused(&scenario, rebuild(&scenario, "Order")).await?;
    assert_text!(without_connection(&text), @r"
    exit code 11
    error: another replank run is changing `shop`.`Order`, connection [id (root@host)]
      table: untouched by this command
      next:  `replank status shop.Order` shows it; wait for it to end, or stop it
    ");
    Ok(())
}

async fn resume_of_a_live_run(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let _run = begun(&scenario).await?;
    for command in ["resume", "abort", "cleanup"] {
        let outcome = scenario.replank(command, "Order").run().await?.expect_code(11)?;
        let failure = outcome.events("failed").next().map(|seen| seen.event["what"].to_string());
        let text = plain(&scenario, &failure.unwrap_or_default());
        ensure!(text.contains("another replank run is changing `shop`.`Order`, connection "), "{command}: {text}");
    }
    Ok(())
}

async fn table_of_a_dead_run(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    left_behind(&scenario).await?;
    let text = refused(&scenario, rebuild(&scenario, "Order")).await?;
    assert_text!(without_stamp(&text), @r"
    exit code 11
    error: `shop`.`Order` is being changed already: `[stamp]_first` is unfinished
      table: untouched by this command
      next:  `replank status shop.Order` shows how far it is
             `replank resume shop.Order` goes on with it
             `replank abort shop.Order` takes it back
    ");
    Ok(())
}

/// A limit with a typing error stops a resume too, and the run stays as it is.
async fn unmeasurable_resume(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    left_behind(&scenario).await?;
    let resume = scenario.replank("resume", "Order").args(["--max-load", "Treads_running=40"]);
    let outcome = resume.run().await?.expect_code(10)?;
    let failure = outcome.events("failed").next().map(|seen| seen.event.to_string()).unwrap_or_default();
    ensure!(failure.contains("no such numeric status variable"), "{failure}");
    scenario.replank("resume", "Order").succeed().await?;
    Ok(())
}

async fn nothing_to_resume(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    for command in ["resume", "abort", "cleanup"] {
        let outcome = scenario.replank(command, "Order").run().await?.expect_code(10)?;
        let failure = outcome.events("failed").next().map(|seen| seen.event["what"].to_string());
        let text = plain(&scenario, &failure.unwrap_or_default());
        let what = command.replace("cleanup", "clean up");
        ensure!(text.contains(&format!("there is nothing to {what} for `shop`.`Order`")), "{command}: {text}");
    }
    Ok(())
}

/// `, connection 12 (root@127.0.0.1:4711)` without its numbers.
fn without_connection(text: &str) -> String {
    let Some((before, rest)) = text.split_once(", connection ") else { return text.to_owned() };
    let (who, after) = rest.split_once('\n').unwrap_or((rest, ""));
    let known = who.contains(" (root@");
    format!("{before}, connection [{}]\n{after}", if known { "id (root@host)" } else { who })
}

/// `20261123101500_first` without its stamp.
fn without_stamp(text: &str) -> String {
    match text.find("_first`") {
        Some(at) if at >= 14 => format!("{}[stamp]{}", &text[..at - 14], &text[at..]),
        _ => text.to_owned(),
    }
}
