//! A deploy that was killed, interrupted or held up goes on where it was, does nothing twice and leaves nothing out.

use std::cell::Cell;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rand::RngExt;
use tokio::time::sleep;

use crate::project::Project;
use crate::support::account::Account;
use crate::support::{Outcome, Program, Run, Server, on_every_server, residue};

on_every_server!(
    killed_at_any_moment,
    interrupted_in_copy,
    killed_in_an_update,
    killed_in_a_definition,
    killed_in_a_call,
    killed_in_a_swap,
    connection_ended_by_server,
    foreign_key_held_up,
    cutover_held_up,
    script_changed_meanwhile,
    aborted_in_between,
    session_is_replayed,
    session_is_asked_for_what_is_lost,
    rows_in_the_way,
);

const A: &str = "20260301000000_a";
/// The second statement is an online copy, with every change through the planner.
const SCRIPT: &str = "CREATE TABLE `Extra` (`id` INTEGER NOT NULL, PRIMARY KEY (`id`));\n\n-- AlterTable\nALTER TABLE `Big` \
                      MODIFY `n` BIGINT NOT NULL,\n    ADD INDEX `Big_n_idx`(`n`);\n\nUPDATE `Big` SET `n` = `n` + 1000;\n";
const ROWS: u64 = 3_000;

/// A project with a table that takes a moment to copy.
async fn project(server: &Server, script: &str) -> Result<Project> {
    let project = Project::new(server, "interrupted").await?;
    project
        .scenario
        .execute("CREATE TABLE `Big` (`id` INTEGER NOT NULL AUTO_INCREMENT, `n` INTEGER NOT NULL, PRIMARY KEY (`id`))")
        .await?;
    project.scenario.seed("Big", "n", "n", ROWS).await?;
    project.add(A, script)?;
    Ok(project)
}

fn slowly(project: &Project) -> Run {
    let slow = project.deploy_all_online().args(["--max-rows-per-second", "1500", "--chunk-time", "20ms"]);
    slow.start().expect("the program can be run")
}

/// All three statements are done, once, and recorded once.
async fn expect_done(project: &Project) -> Result<()> {
    let ledger = project.ledger().await?;
    ensure!(ledger == [format!("{A} finished - 1 NULL")], "the ledger is {ledger:?}");
    let columns = project
        .value(
            "SELECT column_type FROM information_schema.columns WHERE table_schema = DATABASE() AND \
        table_name = 'Big' AND column_name = 'n'",
        )
        .await?;
    ensure!(columns.starts_with("bigint"), "the column is {columns}");
    let rows = project.value("SELECT COUNT(*), SUM(`n` = `id` + 999), MIN(`n`), MAX(`n`) FROM `Big`").await?;
    ensure!(rows == format!("{ROWS}, {ROWS}, 1000, {}", ROWS + 999), "the rows are {rows}");
    residue::expect_nothing_left(&project.scenario, &["Big", "Extra"]).await
}

/// Deploys until it succeeds. After a kill, there is nothing to resolve.
async fn expect_next_deploy_to_finish(project: &Project) -> Result<()> {
    let outcome = project.deploy_all_online().run().await?;
    outcome.expect_code(0)?;
    expect_done(project).await
}

/// More with REPLANK_CRASH_ROUNDS.
async fn killed_at_any_moment(server: Server) -> Result<()> {
    let rounds = std::env::var("REPLANK_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6);
    for _ in 0..rounds {
        let project = project(&server, SCRIPT).await?;
        // Killed once more while it goes on.
        for _ in 0..2 {
            let mut run = project.deploy_all_online().start()?;
            // Events are spread over the phases as time is not; a deploy tells about thirty.
            let left = Cell::new(rand::rng().random_range(0..32));
            run.reaches(|_| {
                left.set(left.get() - 1);
                left.get() < 0
            })
            .await?;
            sleep(Duration::from_millis(rand::rng().random_range(0..20))).await;
            run.kill();
            let killed = run.finish().await?;
            println!("killed behind {:?}", killed.events.last().map(|seen| seen.event.to_string()));
            if killed.code().is_some() {
                killed.expect_code(0)?;
            }
        }
        expect_next_deploy_to_finish(&project).await?;
    }
    Ok(())
}

fn advice(outcome: &Outcome) -> String {
    outcome.events("failed").next().map(|seen| seen.event["next"].to_string()).unwrap_or_default()
}

async fn interrupted_in_copy(server: Server) -> Result<()> {
    let project = project(&server, SCRIPT).await?;
    let slow = project.deploy_all_online().args(["--max-rows-per-second", "1500", "--chunk-time", "10ms"]);
    let mut run = slow.start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    let copied_some = |seen: &crate::support::program::Seen| seen.is("progress");
    let _ = tokio::time::timeout(Duration::from_secs(1), run.reaches(copied_some)).await;
    run.interrupt()?;
    let interrupted = run.finish().await?.expect_code(130)?;
    ensure!(advice(&interrupted).contains("`replank deploy` goes on"), "it says {}", advice(&interrupted));
    let ledger = project.ledger().await?;
    ensure!(ledger == [format!("{A} unfinished - 0 'A migration failed to apply'")], "the ledger is {ledger:?}");
    // To Prisma it has failed, so nobody else goes on meanwhile.
    let logs = project.value("SELECT logs FROM _prisma_migrations WHERE finished_at IS NULL").await?;
    ensure!(
        logs.contains("replank: 1 of 3 statements are done") && logs.contains("`replank deploy` goes on"),
        "{logs}"
    );
    let status = project.ended(&["status"]).await?;
    let says = |text: &str| status.contains(text);
    ensure!(says("  20260301000000_a     unfinished, 1 statement done: `replank deploy` goes on\n"), "{status}");
    ensure!(
        says("unfinished:\n20260301000000_a\n\nnext: `replank deploy` goes on with") && !says("--rolled-back"),
        "{status}"
    );
    ensure!(says("shop.Big: stopped\n") && says("`replank deploy`\n") && !says("`replank resume"), "{status}");
    let resumed = project.deploy_all_online().succeed().await?;
    let started = resumed.events("run_started").next().context("a run")?;
    ensure!(started.event["resumed"] == true, "the copy began anew");
    let begun = resumed.events("migration_started").next().context("a migration")?;
    ensure!(begun.event["resumed_after"] == 1, "it began with {}", begun.event);
    expect_done(&project).await
}

/// The change of rows and the position are one transaction: what the kill leaves of it is nothing or all.
async fn killed_in_an_update(server: Server) -> Result<()> {
    let project = project(&server, SCRIPT).await?;
    let mut holder = project.scenario.connect().await?;
    let mut run = project.deploy_all_online().start()?;
    let third = |seen: &crate::support::program::Seen| seen.is("statement_started") && seen.event["number"] == 2;
    ensure!(run.reaches(third).await?, "it never came to the second statement");
    // Once the copy is over, a row is held, so that the update waits.
    ensure!(run.reaches(|seen| seen.is("finished")).await?, "it never finished the copy");
    holder.query_drop("START TRANSACTION").await?;
    let _: Option<u32> = holder.query_first("SELECT id FROM `Big` WHERE id = 2000 FOR UPDATE").await?;
    sleep(Duration::from_millis(300)).await;
    run.kill();
    let killed = run.finish().await?;
    println!("met {:?}", killed.events.last().map(|seen| seen.event.to_string()));
    holder.query_drop("ROLLBACK").await?;
    expect_next_deploy_to_finish(&project).await
}

/// Whether an ALTER has happened is seen from the definition.
async fn killed_in_a_definition(server: Server) -> Result<()> {
    let script = "ALTER TABLE `Big` ADD COLUMN `a` INT NULL;\nALTER TABLE `Big` ADD COLUMN `b` INT NULL;\n";
    for patience in [Duration::from_millis(100), Duration::from_millis(600)] {
        let project = project(&server, script).await?;
        let mut holder = project.scenario.connect().await?;
        holder.query_drop("START TRANSACTION").await?;
        let _: Option<u32> = holder.query_first("SELECT id FROM `Big` LIMIT 1").await?;
        // Small, so it runs as it is, and waits for the holder.
        let mut run = project.deploy(&[]).start()?;
        ensure!(run.reaches(|seen| seen.is("statement_started")).await?, "it never began");
        sleep(patience).await;
        run.kill();
        run.finish().await?;
        holder.query_drop("ROLLBACK").await?;
        project.deploy(&[]).succeed().await?;
        ensure!(project.ledger().await? == [format!("{A} finished - 1 NULL")], "it is not recorded once");
        let columns = "SELECT GROUP_CONCAT(column_name ORDER BY ordinal_position) FROM information_schema.columns \
                       WHERE table_schema = DATABASE() AND table_name = 'Big'";
        ensure!(project.value(columns).await? == "id,n,a,b");
    }
    Ok(())
}

/// What nothing can tell is not guessed.
async fn killed_in_a_call(server: Server) -> Result<()> {
    let project = project(&server, "SELECT 1;\nCALL `work`();\nSELECT 2;\n").await?;
    project.scenario.execute("CREATE PROCEDURE `work`() UPDATE `Big` SET `n` = `n` + 1 WHERE `id` = 1").await?;
    let mut holder = project.scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    let _: Option<u32> = holder.query_first("SELECT id FROM `Big` WHERE id = 1 FOR UPDATE").await?;
    let mut run = project.deploy(&[]).start()?;
    let second = |seen: &crate::support::program::Seen| seen.is("statement_started") && seen.event["number"] == 2;
    ensure!(run.reaches(second).await?, "it never came to the call");
    sleep(Duration::from_millis(200)).await;
    run.kill();
    run.finish().await?;
    holder.query_drop("ROLLBACK").await?;
    let text = project.ended(&["deploy"]).await?;
    let started = project.value("SELECT started_at FROM _prisma_migrations WHERE finished_at IS NULL").await?;
    let started = started.trim_end_matches(".000").to_owned();
    let text = text.lines().filter(|line| !line.contains("waiting for a statement")).collect::<Vec<_>>().join("\n");
    let status = project.ended(&["status"]).await?;
    let next = format!("next: `replank deploy` goes on with `{A}`, or says what is to be done by hand");
    ensure!(status.contains(&next), "{status}");
    assert_text!(text.replace(&started, "TIME"), @r"
    exit code 1
    --- stdout

    2 migrations found in prisma/migrations

    Applying migration `20260301000000_a`
    --- stderr
    continuing: 1 of 3 statements are done
    Error: P3009

    migrate found failed migrations in the target database, new migrations will not be applied. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve
    The `20260301000000_a` migration started at TIME UTC failed

      table: 1 of 3 statements of `20260301000000_a` are done
      next:  look, do the rest by hand, and `replank resolve --applied 20260301000000_a`,
             or take it back and `replank resolve --rolled-back 20260301000000_a`
      cause: statement 2 was running when the deploy was interrupted, and whether it took effect cannot be told: CALL `work`()
    ");
    // It stays so.
    project.deploy(&[]).run().await?.expect_code(1)?;
    Ok(())
}

/// Without InnoDB's numbers, two tables of the same form that change places leave no trace.
async fn killed_in_a_swap(server: Server) -> Result<()> {
    let project = project(&server, "RENAME TABLE `Big` TO `Gone`, `Twin` TO `Big`, `Gone` TO `Twin`;\n").await?;
    project.scenario.execute("CREATE TABLE `Twin` LIKE `Big`").await?;
    let account = Account::create(&server).await?;
    for schema in [project.scenario.schema.clone(), project.scenario.bookkeeping()] {
        account.as_root(&format!("GRANT ALL ON `{}`.* TO {}", schema.replace('_', "\\_"), account.sql)).await?;
    }
    let url = account.url(&project.scenario)?;
    let deploy = || {
        let program = Program::new(project.scenario.project()).args(["deploy", "--output", "json", "--url", &url]);
        program.env("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK", "1")
    };
    let mut holder = project.scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    let _: Option<u32> = holder.query_first("SELECT id FROM `Twin` LIMIT 1").await?;
    let _: Option<u32> = holder.query_first("SELECT id FROM `Big` LIMIT 1").await?;
    let mut run = deploy().start()?;
    ensure!(run.reaches(|seen| seen.is("statement_started")).await?, "it never began");
    waits(&mut holder, "RENAME TABLE").await?;
    run.kill();
    run.finish().await?;
    holder.query_drop("ROLLBACK").await?;
    let outcome = deploy().run().await?.expect_code(1)?;
    let failed = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    ensure!(failed["prisma"] == "P3009" && failed["cause"].to_string().contains("cannot be told"), "{failed}");
    account.remove().await
}

/// The id of the connection that runs a statement and waits, once there is one.
async fn waits(conn: &mut Conn, beginning: &str) -> Result<u64> {
    let sql = format!(
        "SELECT id FROM information_schema.processlist WHERE info LIKE '{beginning}%' AND db = DATABASE() AND time_ms > 0"
    );
    let sql = if conn.server_version().0 < 10 { sql.replace(" AND time_ms > 0", "") } else { sql };
    for _ in 0..600 {
        if let Some(id) = conn.query_first(&sql).await? {
            return Ok(id);
        }
        sleep(Duration::from_millis(50)).await;
    }
    bail!("`{beginning}` never ran")
}

/// What the server says as it ends a connection is not its answer to the statement.
async fn connection_ended_by_server(server: Server) -> Result<()> {
    for code in [1053, 1927, 3169, 4031] {
        let script = format!("SELECT 1;\nSIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'over';\n");
        let project = project(&server, &script).await?;
        let outcome = project.deploy(&[]).run().await?;
        let failed = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
        ensure!(failed["what"] == "the connection was lost while statement 2 ran", "{code}: {failed}");
        let outcome = project.deploy(&[]).run().await?.expect_code(1)?;
        let failed = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
        ensure!(failed["cause"].to_string().contains("whether it took effect cannot be told"), "{code}: {failed}");
    }
    Ok(())
}

/// Dropping a foreign key takes a lock on the other table too, on the servers that ask for it: the next deploy waits anew.
async fn foreign_key_held_up(server: Server) -> Result<()> {
    let project = project(&server, "ALTER TABLE `Child` DROP FOREIGN KEY `Child_fk`;\n").await?;
    let child = "CREATE TABLE `Child` (`id` INTEGER NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `Child_fk` FOREIGN KEY \
                 (`id`) REFERENCES `Big`(`id`))";
    project.scenario.execute(child).await?;
    let mut holder = project.scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    let _: Option<u32> = holder.query_first("SELECT id FROM `Big` LIMIT 1").await?;
    let outcome = project.deploy_all_online().args(["--lock-patience", "2s"]).run().await?;
    holder.query_drop("ROLLBACK").await?;
    if server.kind.name().starts_with("mysql") {
        let outcome = outcome.expect_code(13)?;
        ensure!(advice(&outcome).contains("`replank deploy` tries again"), "it says {}", advice(&outcome));
    }
    project.deploy_all_online().succeed().await?;
    let keys = "SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()";
    ensure!(project.value(keys).await? == "0");
    Ok(())
}

async fn cutover_held_up(server: Server) -> Result<()> {
    let project = project(&server, SCRIPT).await?;
    let mut holder = project.scenario.connect().await?;
    let impatient = project.deploy_all_online().args(["--lock-patience", "2s", "--max-rows-per-second", "4000"]);
    let mut run = impatient.start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    holder.query_drop("START TRANSACTION").await?;
    let _: Option<u32> = holder.query_first("SELECT id FROM `Big` LIMIT 1").await?;
    let outcome = run.finish().await?.expect_code(13)?;
    ensure!(advice(&outcome).contains("`replank deploy`"), "it says {}", advice(&outcome));
    holder.query_drop("ROLLBACK").await?;
    let resumed = project.deploy_all_online().succeed().await?;
    let phases: Vec<_> = resumed.events("phase_started").map(|seen| seen.event["phase"].clone()).collect();
    ensure!(!phases.contains(&"copy".into()), "it copied again: {phases:?}");
    expect_done(&project).await
}

async fn script_changed_meanwhile(server: Server) -> Result<()> {
    let project = project(&server, SCRIPT).await?;
    let mut run = slowly(&project);
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.interrupt()?;
    run.finish().await?.expect_code(130)?;
    let path = project.scenario.migrations().join(A).join("migration.sql");
    fs::write(&path, format!("{SCRIPT}SELECT 1;\n"))?;
    let outcome = project.deploy_all_online().run().await?.expect_code(1)?;
    let failed = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    ensure!(failed["prisma"] == "P3009" && advice(&outcome).contains("is not the one that was begun"), "{failed}");
    fs::write(&path, SCRIPT)?;
    expect_next_deploy_to_finish(&project).await
}

/// Taking the copy back leaves the migration at its statement.
async fn aborted_in_between(server: Server) -> Result<()> {
    let project = project(&server, SCRIPT).await?;
    let mut run = slowly(&project);
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.interrupt()?;
    run.finish().await?.expect_code(130)?;
    project.scenario.replank("abort", "Big").succeed().await?;
    residue::expect_nothing_left(&project.scenario, &["Big", "Extra"]).await?;
    ensure!(project.ledger().await?.len() == 1, "the ledger's row is gone");
    let resumed = project.deploy_all_online().succeed().await?;
    let started = resumed.events("run_started").next().context("a run")?;
    ensure!(started.event["resumed"] == false, "there was nothing to resume");
    expect_done(&project).await
}

/// What the statements before have set holds for those after them, in the next process, too.
async fn session_is_replayed(server: Server) -> Result<()> {
    let script =
        "SET @n = 41;\nALTER TABLE `Big` MODIFY `n` BIGINT NOT NULL;\nSET @n = @n + 1;\nUPDATE `Big` SET `n` = @n;\n";
    let project = project(&server, script).await?;
    let mut run = slowly(&project);
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.kill();
    run.finish().await?;
    project.deploy_all_online().succeed().await?;
    ensure!(project.value("SELECT MIN(`n`), MAX(`n`) FROM `Big`").await? == "42, 42");
    // What cannot be had again stops it, before anything goes wrong.
    let script =
        "SELECT MAX(`n`) INTO @n FROM `Big`;\nALTER TABLE `Big` MODIFY `n` INT NOT NULL;\nUPDATE `Big` SET `n` = @n;\n";
    project.add("20260302000000_b", script)?;
    let mut run = slowly(&project);
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.kill();
    run.finish().await?;
    let outcome = project.deploy_all_online().run().await?.expect_code(1)?;
    let failed = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    let why = "statement 1 set a variable from what it read, which was lost with the connection that ran it";
    ensure!(failed["prisma"] == "P3009" && failed["cause"] == why, "{failed}");
    Ok(())
}

/// What the session knew of its statements is gone with it, and the script is not told another answer.
async fn session_is_asked_for_what_is_lost(server: Server) -> Result<()> {
    let script = "INSERT INTO `Big` (`n`) VALUES (5);\nALTER TABLE `Big` MODIFY `n` BIGINT NOT NULL;\n\
                  UPDATE `Big` SET `n` = 0 WHERE `id` = LAST_INSERT_ID();\n";
    let project = project(&server, script).await?;
    let mut run = slowly(&project);
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.kill();
    run.finish().await?;
    let outcome = project.deploy_all_online().run().await?.expect_code(1)?;
    let failed = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    let why =
        "statement 3 asks for LAST_INSERT_ID, which was lost with the connection that ran the statements before it";
    ensure!(failed["prisma"] == "P3009" && failed["cause"] == why, "{failed}");
    Ok(())
}

/// Rows that do not fit stop the copy, and the next deploy goes on with it once they are mended.
async fn rows_in_the_way(server: Server) -> Result<()> {
    let project = project(&server, "CREATE UNIQUE INDEX `Big_n_key` ON `Big`(`n`);\n").await?;
    project.scenario.execute("UPDATE `Big` SET `n` = 7 WHERE `id` = 2").await?;
    let outcome = project.deploy_all_online().run().await?.expect_code(10)?;
    let failed = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    ensure!(failed["what"].to_string().contains("there are duplicates, (7) 2 times"), "{failed}");
    ensure!(failed["next"].to_string().contains("HAVING COUNT(*) > 1` lists them"), "{failed}");
    ensure!(failed["next"].to_string().contains("then run the command again"), "{failed}");
    let logs = project.value("SELECT logs FROM _prisma_migrations WHERE finished_at IS NULL").await?;
    ensure!(logs.contains("there are duplicates, (7) 2 times"), "the logs are {logs}");
    project.scenario.execute("UPDATE `Big` SET `n` = 5000 WHERE `id` = 2").await?;
    project.deploy_all_online().succeed().await?;
    ensure!(project.ledger().await? == [format!("{A} finished - 1 NULL")], "it is not recorded once");
    residue::expect_nothing_left(&project.scenario, &["Big"]).await
}
