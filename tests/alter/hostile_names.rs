//! Names of everything that ends quotes, comments and statements somewhere: in SQL, in shells, in file names. Whatever is
//! called so is changed under load, taken back and cleaned up like anything else, and every command that replank tells
//! the user can be pasted.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::change::Change;
use crate::support::load::{Column, Fill, Key, Plan, Shape};
use crate::support::{Outcome, Program, Scenario, Server, on_every_server, oracle, prisma, quoted, residue};
use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;

on_every_server!(
    changed_under_load,
    taken_back_under_load,
    commands_that_are_told_can_be_pasted,
    as_long_as_names_can_be,
    tables_that_differ_in_case_only,
    truncated_before_the_swap,
);

/// Part of the schema's name.
const TOPIC: &str = "it's `x`;\\ \"%s\" */ -- #\n ö";
const TABLE: &str = "1 `a`' FOR EACH ROW\n) ENGINE=\"%s\\'; -- */ ö AFTER";
const KEY: &str = "`";
const USER: &str = "select";
const NOTE: &str = "'; DROP TABLE `x`; --";
const CODE: &str = "\\";
const LEVEL: &str = "a\n  KEY `b` (`c`)";
const TOTAL: &str = "*/ \"%d\" $(x) {} ö";

fn ddl() -> String {
    let [table, key, user, note, code, level, total] = [TABLE, KEY, USER, NOTE, CODE, LEVEL, TOTAL].map(quoted);
    let [unique, index] = ["u\n  UNIQUE KEY `", "i`\n) ENGINE="].map(quoted);
    format!(
        "CREATE TABLE {table} ({key} BIGINT NOT NULL AUTO_INCREMENT, {user} INTEGER NOT NULL, {note} VARCHAR(191) NULL, \
         {code} VARCHAR(64) NOT NULL, {level} INTEGER NOT NULL, {total} DECIMAL(10, 2) NOT NULL, \
         PRIMARY KEY ({key}), UNIQUE INDEX {unique}({code}), INDEX {index}({level}, {user})) \
         DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
    )
}

fn clauses() -> String {
    let [total, level, user] = [TOTAL, LEVEL, USER].map(quoted);
    let [added, index] = ["new`; \n '\"\\ --", "%s%n`*/"].map(quoted);
    format!(
        "MODIFY {total} DECIMAL(12, 2) NOT NULL COMMENT 'it''s; \\\\ */ -- `x`', \
         ADD COLUMN {added} INTEGER NOT NULL DEFAULT 0, ADD INDEX {index}({user}, {level})"
    )
}

fn shape() -> Shape {
    let column = |name, fill| Column { name, fill };
    Shape {
        table: TABLE,
        key: Key::Auto(KEY),
        columns: vec![
            column(USER, Fill::Below(50_000)),
            column(NOTE, Fill::Words),
            column(CODE, Fill::Unique),
            column(LEVEL, Fill::Below(20)),
            column(TOTAL, Fill::Amount),
        ],
    }
}

const ROWS: u64 = 3_000;
const ROWS_PER_SECOND: u32 = 2_500;

async fn seeded(server: &Server) -> Result<(Scenario, Change)> {
    // Tests run for as long as their process, so what is made of constants may stay.
    let change = Change::new(ddl().leak(), shape(), clauses().leak(), "wider");
    let scenario = Scenario::new(server, TOPIC, &[change.ddl]).await?;
    let columns = [KEY, USER, NOTE, CODE, LEVEL, TOTAL].map(quoted).join(", ");
    let values = "n, CONCAT('note ', n), CONCAT('c', n), n % 20, n / 100";
    scenario.seed(TABLE, &columns, &format!("{}, {values}", shape().seed_key()), ROWS).await?;
    Ok((scenario, change))
}

async fn changed_under_load(server: Server) -> Result<()> {
    let (scenario, change) = seeded(&server).await?;
    change.prove(&scenario, &Plan::steady(31, 30), ROWS_PER_SECOND).await
}

async fn taken_back_under_load(server: Server) -> Result<()> {
    let (scenario, change) = seeded(&server).await?;
    let mut conn = scenario.connect().await?;
    let table = change.table();
    let before = residue::definition(&mut conn, &table).await?;
    let load = change.load(&scenario, &Plan::steady(32, 30)).await?;
    let altered = change.program(&scenario, ROWS_PER_SECOND).succeed().await?;
    load.during(Duration::from_millis(300)).await;
    let gone_back = scenario.replank("rollback", TABLE).args(["--yes"]).succeed().await?;
    load.during(Duration::from_millis(300)).await;
    let written = load.stop().await?;
    oracle::expect_application_unharmed(&mut conn, &table, &written, &[&altered, &gone_back]).await?;
    let after = residue::definition(&mut conn, &table).await?;
    ensure!(after == before, "the table is\n{after}\ninstead of\n{before}");
    scenario.replank("cleanup", TABLE).succeed().await?;
    residue::expect_nothing_left(&scenario, &[TABLE]).await
}

/// The commands in backticks among what a failure or a status says comes next.
fn commands(next: &serde_json::Value) -> Vec<String> {
    let advice = next.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    advice.flat_map(quoted).filter(|command| command.starts_with("replank ")).collect()
}

fn command<'a>(of: &'a [String], verb: &str) -> Result<&'a String> {
    let wanted = format!("replank {verb} ");
    of.iter().find(|command| command.starts_with(&wanted)).with_context(|| format!("no `{wanted}` in {of:?}"))
}

/// Types a command into a shell, as somebody who has replank and DATABASE_URL there.
fn paste(scenario: &Scenario, command: &str) -> Result<()> {
    let program = crate::support::program::path();
    let script = format!("replank() {{ \"$REPLANK\" \"$@\"; }}\n{command}\n");
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(&script).current_dir(scenario.project()).stdin(Stdio::null());
    shell.env("REPLANK", program).env("DATABASE_URL", scenario.url());
    let output = shell.output()?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn failed(outcome: &Outcome) -> Result<serde_json::Value> {
    Ok(outcome.events("failed").next().context("it did not fail")?.event.clone())
}

/// What a command writes as one document.
fn document(program: &Program) -> Result<serde_json::Value> {
    let output = program.command().output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn status(scenario: &Scenario) -> Result<Vec<String>> {
    let document = document(&scenario.replank("status", TABLE))?;
    let runs = document["runs"].as_array().cloned().unwrap_or_default();
    Ok(runs.iter().flat_map(|run| commands(&run["next"])).collect())
}

async fn commands_that_are_told_can_be_pasted(server: Server) -> Result<()> {
    let (scenario, change) = seeded(&server).await?;
    // What a dry run shows is SQL and text of the server's own; nothing is left of it.
    let document = document(&change.program(&scenario, ROWS_PER_SECOND).args(["--dry-run"]))?;
    ensure!(document["statements"].as_array().is_some_and(|all| all.len() > 10), "{document}");
    residue::expect_nothing_left(&scenario, &[TABLE]).await?;

    let mut run = change.program(&scenario, 500).start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.interrupt()?;
    let stopped = commands(&failed(&run.finish().await?)?["next"]);
    let (resume, abort) = (command(&stopped, "resume")?, command(&stopped, "abort")?);
    ensure!(command(&status(&scenario)?, "resume")? == resume, "status tells another command");
    paste(&scenario, abort)?;
    residue::expect_nothing_left(&scenario, &[TABLE]).await?;

    let mut run = change.program(&scenario, 500).start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.kill();
    run.finish().await?;
    paste(&scenario, resume)?;
    prisma::expect_recorded(&scenario, TABLE, change.clauses, change.slug).await?;
    residue::expect_only_followers(&scenario, &[TABLE], TABLE).await?;

    let again = scenario.alter(TABLE, "FORCE", "again").args(["--force-copy"]).run().await?;
    let again = commands(&failed(&again)?["next"]);
    ensure!(again == [command(&status(&scenario)?, "cleanup")?.clone()], "{again:?}");
    let rollback = command(&status(&scenario)?, "rollback")?.clone();
    paste(&scenario, &format!("{rollback} --yes"))?;
    paste(&scenario, &again[0])?;
    residue::expect_nothing_left(&scenario, &[TABLE]).await?;

    // No server takes such a name.
    let refused = scenario.replank("status", "x ").run().await?.expect_code(2)?;
    ensure!(refused.stderr.contains("ends with a space"), "{}", refused.stderr);
    Ok(())
}

/// 64 characters are the most, and for a table with triggers 250 bytes of its file's name, in which some characters take five.
async fn as_long_as_names_can_be(server: Server) -> Result<()> {
    changed_and_taken_back(&server, &"é".repeat(64)).await?;
    changed_and_taken_back(&server, &format!("{}xxxxx", "表".repeat(49))).await
}

async fn changed_and_taken_back(server: &Server, name: &str) -> Result<()> {
    let long = |last: char| quoted(&format!("{}{last}", "表".repeat(63)));
    let [key, text, index, added] = ['b', 'c', 'd', 'e'].map(long);
    let table = quoted(name);
    let ddl = format!(
        "CREATE TABLE {table} ({key} INTEGER NOT NULL, {text} VARCHAR(20) NOT NULL, PRIMARY KEY ({key}), \
         INDEX {index}({text}))"
    );
    let scenario = Scenario::new(server, "long", &[&ddl]).await?;
    scenario.seed(name, &format!("{key}, {text}"), "n, CONCAT('item ', n)", ROWS).await?;
    let clauses = format!("ADD COLUMN {added} INTEGER NOT NULL DEFAULT 7, MODIFY {text} VARCHAR(30) NOT NULL");
    let program = scenario.alter(name, &clauses, "longer").args(["--force-copy", "--max-rows-per-second", "4000"]);
    let mut run = program.start()?;
    if !run.reaches_phase("copy").await? {
        bail!("it never began to copy: {:?}", failed(&run.finish().await?)?);
    }
    scenario.execute(&format!("UPDATE {table} SET {text} = 'written' WHERE {key} % 3 = 0")).await?;
    run.finish().await?.expect_code(0)?;
    scenario.execute(&format!("DELETE FROM {table} WHERE {key} % 3 = 1")).await?;
    let mut conn = scenario.connect().await?;
    let of = |condition: &str| format!("SELECT COUNT(*), SUM({text} = 'written') FROM {table} WHERE {condition}");
    let found: Option<(u64, u64)> = conn.query_first(of(&format!("{added} = 7"))).await?;
    ensure!(found == Some((ROWS * 2 / 3, ROWS / 3)), "{found:?}");
    scenario.replank("rollback", name).args(["--yes"]).succeed().await?;
    let found: Option<(u64, u64)> = conn.query_first(of("TRUE")).await?;
    ensure!(found == Some((ROWS * 2 / 3, ROWS / 3)), "{found:?} after the rollback");
    scenario.replank("cleanup", name).succeed().await?;
    residue::expect_nothing_left(&scenario, &[name]).await
}

/// The servers tell tables apart by case, but not triggers, and MariaDB's information_schema neither.
async fn tables_that_differ_in_case_only(server: Server) -> Result<()> {
    let upper = "CREATE TABLE `Item` (`id` INTEGER NOT NULL PRIMARY KEY, `a` VARCHAR(20) NOT NULL)";
    let lower = "CREATE TABLE `item` (`id` INTEGER NOT NULL, `b` INTEGER NULL, `c` INTEGER NOT NULL, \
                 PRIMARY KEY (`id`), KEY `item_b` (`b`))";
    let scenario = Scenario::new(&server, "case", &[upper, lower]).await?;
    scenario.seed("Item", "id, a", "n, CONCAT('item ', n)", ROWS).await?;
    scenario.seed("item", "id, b, c", "n + 5, n, n", ROWS).await?;
    let mut conn = scenario.connect().await?;
    let contents = "SELECT COUNT(*), SUM(id), SUM(c) FROM `item`";
    let before: Option<(u64, u64, u64)> = conn.query_first(contents).await?;
    let definition = residue::definition(&mut conn, "`item`").await?;
    let slow = |table: &str, clauses: &str, slug: &str| -> Program {
        scenario.alter(table, clauses, slug).args(["--force-copy", "--max-rows-per-second", "1500"])
    };
    let mut run = slow("Item", "MODIFY `a` VARCHAR(40) NOT NULL", "wider").start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    // The other one may wait for its turn or be refused; it must not touch what this one has made.
    let other = slow("item", "MODIFY `c` BIGINT NOT NULL", "bigger").args(["--drop-old"]).run().await?;
    ensure!(matches!(other.code(), Some(10 | 11)), "{:?} {:?}", other.code(), failed(&other)?);
    scenario.execute("UPDATE `Item` SET `a` = 'written' WHERE `id` % 2 = 0").await?;
    run.finish().await?.expect_code(0)?;
    ensure!(conn.query_first::<(u64, u64, u64), _>(contents).await? == before, "the other table was written");
    ensure!(residue::definition(&mut conn, "`item`").await? == definition, "the other table was changed");
    let found: Option<(u64, u64)> = conn.query_first("SELECT COUNT(*), SUM(`a` = 'written') FROM `Item`").await?;
    ensure!(found == Some((ROWS, ROWS / 2)), "{found:?}");
    scenario.replank("cleanup", "Item").succeed().await?;
    slow("item", "MODIFY `c` BIGINT NOT NULL", "bigger").args(["--drop-old"]).succeed().await?;
    ensure!(conn.query_first::<(u64, u64, u64), _>(contents).await? == before, "rows were lost");
    residue::expect_nothing_left(&scenario, &["Item", "item"]).await
}

/// InnoDB's table ids are found by the name of the file, in which letters like these are written otherwise.
async fn truncated_before_the_swap(server: Server) -> Result<()> {
    let ddl = "CREATE TABLE `Größe` (`id` INTEGER NOT NULL, `title` VARCHAR(20) NOT NULL, PRIMARY KEY (`id`)) \
               PARTITION BY HASH (`id`) PARTITIONS 3";
    let scenario = Scenario::new(&server, "ö ж", &[ddl]).await?;
    scenario.seed("Größe", "id, title", "n, CONCAT('item ', n)", ROWS).await?;
    let mut run = scenario
        .alter("Größe", "MODIFY `title` VARCHAR(40) NOT NULL", "wider")
        .args(["--force-copy", "--max-rows-per-second", "1500"])
        .start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    scenario.execute("ALTER TABLE `Größe` TRUNCATE PARTITION p1").await?;
    let outcome = run.finish().await?.expect_code(11)?;
    ensure!(failed(&outcome)?.to_string().contains("truncated"), "{:?}", failed(&outcome)?);
    scenario.replank("abort", "Größe").succeed().await?;
    residue::expect_nothing_left(&scenario, &["Größe"]).await
}
