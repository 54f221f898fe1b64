//! Tables that another run is changing, or was.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

use crate::support::{Program, Run, Scenario, Server, on_every_server, prisma};
use crate::{alter, plain, rebuild, refused, shop};

on_every_server!(
    table_of_a_live_run,
    table_of_a_dead_run,
    unmeasurable_resume,
    resume_of_a_live_run,
    resumed_without_a_record,
    kept_old_table,
    nothing_to_do,
    nothing_to_do_for_no_table,
    ledger_that_takes_no_row,
    interrupted_before_the_copy,
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

/// A copy that is made and not recorded leaves nothing in the ledger that would hold back every deploy.
async fn resumed_without_a_record(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    left_behind(&scenario).await?;
    let resumed = scenario.replank("resume", "Order").args(["--no-record"]).succeed().await?;
    ensure!(resumed.swapped(), "it was not changed");
    let rows = prisma::recorded(&mut scenario.connect().await?).await?;
    ensure!(rows.is_empty() && prisma::folders(&scenario)?.is_empty(), "the ledger still has {rows:?}");
    let told = resumed.events("notice").any(|seen| seen.event["text"].to_string().contains("not recorded"));
    ensure!(told, "it does not say what became of the migration");
    Ok(())
}

/// The triggers that follow the new table name its key: without the column every write of the application would fail.
async fn kept_old_table(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    scenario.alter("Order", "FORCE", "first").succeed().await?;
    // The first is done without a copy, the second takes one.
    for clauses in ["RENAME COLUMN `id` TO `number`", "FORCE"] {
        assert_text!(refused(&scenario, alter(&scenario, "Order", clauses)).await?, @r"
        exit code 11
        error: the old table of the previous change of `shop`.`Order` is still kept
          table: untouched
          next:  `replank cleanup shop.Order` drops it and the triggers that follow the new table
        ");
    }
    scenario.replank("cleanup", "Order").succeed().await?;
    scenario.alter("Order", "RENAME COLUMN `id` TO `number`", "second").succeed().await?;
    scenario.execute("INSERT INTO `Order` (`total`) VALUES (1)").await
}

/// No failure, as the help says: a script may clean up or resume whether or not there is anything.
async fn nothing_to_do(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    for command in ["resume", "abort", "cleanup"] {
        let outcome = scenario.replank(command, "Order").succeed().await?;
        let told: Vec<_> = outcome.events.iter().map(|seen| (&seen.event["event"], &seen.event["code"])).collect();
        ensure!(told == [(&"nothing_to_do".into(), &0.into())], "{command}: {told:?}");
        let target = format!("{}.Order", scenario.schema);
        let words = [command, &target, "--url", &scenario.url()];
        let outcome = Program::new(scenario.project()).args(words).succeed().await?;
        let what = command.replace("cleanup", "clean up");
        ensure!(outcome.stdout == format!("{target}: nothing to {what}\n"), "{command}: {}", outcome.stdout);
    }
    Ok(())
}

/// A typing error is not taken for a table without a change.
async fn nothing_to_do_for_no_table(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    for command in ["resume", "abort", "cleanup"] {
        let target = format!("{}.Oders", scenario.schema);
        let words = [command, &target, "--url", &scenario.url()];
        let outcome = Program::new(scenario.project()).args(words).run().await?.expect_code(10)?;
        assert_text!(plain(&scenario, &outcome.stderr), @r"
        error: there is no table `shop`.`Oders`
          table: nothing was touched
          next:  did you mean `Order`? The case of letters counts
        ");
    }
    Ok(())
}

/// The run ends with the failure: nothing is left that would be in the way of the next try.
async fn ledger_that_takes_no_row(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let signal = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no migrations today'";
    let trigger = format!("CREATE TRIGGER `closed` BEFORE INSERT ON _prisma_migrations FOR EACH ROW {signal}");
    scenario.execute(&trigger).await?;
    for clauses in ["FORCE", "ADD COLUMN `note` VARCHAR(64) NULL"] {
        let outcome = alter(&scenario, "Order", clauses).run().await?.expect_code(14)?;
        assert_text!(plain(&scenario, &outcome.stderr), @r"
        error: writing to `_prisma_migrations` failed
          table: untouched
          next:  run the command again once the cause is gone
          cause: ERROR 1644 (45000): no migrations today
        ");
        let status = scenario.replank("status", "Order").succeed().await?;
        ensure!(status.lists_no_run(), "there is {}", status.stdout);
    }
    scenario.execute("DROP TRIGGER `closed`").await?;
    scenario.alter("Order", "FORCE", "first").succeed().await?;
    Ok(())
}

/// Ctrl-C while the table is held by somebody else: nothing is copied yet, and the text does not say so.
async fn interrupted_before_the_copy(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let mut holder = scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    holder.query_drop("SELECT id FROM `Order` LIMIT 1").await?;
    let mut run = scenario.alter("Order", "FORCE", "first").start()?;
    ensure!(run.reaches_phase("prepare").await?, "it never began to prepare");
    run.interrupt()?;
    let interrupted = run.finish().await?.expect_code(130)?;
    let failure = interrupted.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    ensure!(failure["table"] == "untouched; nothing is copied yet", "{failure}");
    let next = format!("`replank abort {}.Order` removes what was made for the copy", scenario.schema);
    ensure!(failure["next"][1] == next, "{failure}");
    holder.query_drop("ROLLBACK").await?;
    scenario.replank("abort", "Order").succeed().await?;
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
