//! Somebody else does something to the table while it is changed: it is noticed, never swapped over.

use std::time::Duration;

use crate::intercept::{Intercept, Then};
use crate::support::account::Account;
use crate::support::program::Seen;
use crate::support::{Kind, Outcome, Program, Run, Scenario, Server, on_every_server, residue};
use anyhow::{Context, Result, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

on_every_server!(
    trigger_created_during_the_copy,
    foreign_key_created_during_the_copy,
    altered_during_the_copy,
    altered_before_the_swap,
    dropped_during_the_copy,
    dropped_before_a_chunk_is_copied,
    renamed_during_the_copy,
    mirror_trigger_dropped_during_the_copy,
    mirror_trigger_dropped_before_the_swap,
    truncated_during_the_copy,
    truncated_before_the_swap,
    truncated_unseen_by_an_account_without_process,
    partition_truncated_before_the_swap,
    name_of_the_old_table_taken,
    temporary_index_dropped,
    many_rows_written_before_the_swap,
    old_table_kept_and_then_dropped,
    followed_by_another_table,
    definition_read_while_triggers_change,
    snapshot_opened_during_the_copy,
    snapshot_under_a_temporary_table,
    snapshot_that_does_not_end,
    snapshots_that_the_account_may_not_see,
    truncated_while_an_older_version_was_away,
    long_statement_on_another_table,
    long_definition_of_another_table,
);

const ITEM: &str = "CREATE TABLE `Item` (`id` INTEGER NOT NULL, `title` VARCHAR(20) NOT NULL, PRIMARY KEY (`id`))";
const PARTITIONED: &str = "CREATE TABLE `Item` (`id` INTEGER NOT NULL, `title` VARCHAR(20) NOT NULL, \
                           PRIMARY KEY (`id`)) PARTITION BY HASH (`id`) PARTITIONS 3";
const ROWS: u64 = 3_000;

async fn items(server: &Server, ddl: &str) -> Result<Scenario> {
    let scenario = Scenario::new(server, "interference", &[ddl]).await?;
    scenario.seed("Item", "id, title", "n, CONCAT('item ', n)", ROWS).await?;
    Ok(scenario)
}

fn slow(scenario: &Scenario, clauses: &str) -> Program {
    scenario.alter("Item", clauses, "wider").args(["--force-copy", "--max-rows-per-second", "1000"])
}

const WIDER: &str = "MODIFY `title` VARCHAR(40) NOT NULL";

/// Runs the change and lets somebody else execute a statement during its copy.
async fn meddle(scenario: &Scenario, sql: &str) -> Result<Outcome> {
    let mut run = slow(scenario, WIDER).start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    scenario.execute(sql).await?;
    run.finish().await
}

/// The run stopped, said why, and the table has its old definition and as many rows as it should.
async fn expect_stopped(scenario: &Scenario, outcome: Outcome, why: &str, rows: u64) -> Result<()> {
    let outcome = outcome.expect_code(11)?;
    let said = outcome.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(said.contains(why), "it does not say `{why}`:\n{said}");
    ensure!(!outcome.swapped(), "it swapped");
    let mut conn = scenario.connect().await?;
    let count: Option<u64> = conn.query_first("SELECT COUNT(*) FROM `Item`").await?;
    ensure!(count == Some(rows), "{count:?} rows instead of {rows}");
    let definition = residue::definition(&mut conn, "`Item`").await?;
    ensure!(!definition.contains("varchar(40)"), "the table was changed:\n{definition}");
    Ok(())
}

async fn abort(scenario: &Scenario, tables: &[&str]) -> Result<()> {
    scenario.replank("abort", "Item").succeed().await?;
    residue::expect_nothing_left(scenario, tables).await
}

async fn trigger_created_during_the_copy(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let trigger = "CREATE TRIGGER `audit` BEFORE INSERT ON `Item` FOR EACH ROW SET NEW.`title` = UPPER(NEW.`title`)";
    let outcome = meddle(&scenario, trigger).await?;
    expect_stopped(&scenario, outcome, "trigger audit", ROWS).await?;
    // Nor does a resume overlook it; without it, the copy is as good as ever.
    let resumed = scenario.replank("resume", "Item").run().await?;
    expect_stopped(&scenario, resumed, "trigger audit", ROWS).await?;
    scenario.execute("DROP TRIGGER `audit`").await?;
    scenario.replank("resume", "Item").succeed().await?;
    scenario.replank("cleanup", "Item").succeed().await?;
    residue::expect_nothing_left(&scenario, &["Item"]).await
}

async fn foreign_key_created_during_the_copy(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let child = "CREATE TABLE `Part` (`id` INTEGER NOT NULL PRIMARY KEY, `itemId` INTEGER NOT NULL, \
                 CONSTRAINT `Part_itemId_fkey` FOREIGN KEY (`itemId`) REFERENCES `Item` (`id`))";
    let outcome = meddle(&scenario, child).await?;
    expect_stopped(&scenario, outcome, "Part", ROWS).await?;
    let part = residue::definition(&mut scenario.connect().await?, "`Part`").await?;
    ensure!(part.contains("REFERENCES `Item` "), "the child does not reference the table any more:\n{part}");
    abort(&scenario, &["Item", "Part"]).await
}

async fn altered_during_the_copy(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let outcome = meddle(&scenario, "ALTER TABLE `Item` ADD COLUMN `size` INTEGER NULL").await?;
    expect_stopped(&scenario, outcome, "definition was changed", ROWS).await?;
    abort(&scenario, &["Item"]).await
}

async fn mirror_trigger_dropped_during_the_copy(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let outcome = meddle(&scenario, "DROP TRIGGER `Item__rpk_upd`").await?;
    expect_stopped(&scenario, outcome, "triggers of this run are missing", ROWS).await?;
    abort(&scenario, &["Item"]).await
}

async fn truncated_during_the_copy(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let outcome = meddle(&scenario, "TRUNCATE `Item`").await?;
    expect_stopped(&scenario, outcome, "truncated", 0).await?;
    abort(&scenario, &["Item"]).await
}

async fn dropped_during_the_copy(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    expect_gone(&scenario, meddle(&scenario, "DROP TABLE `Item`").await?).await
}

/// The chunk is found, and waits for what the ceiling lets through.
async fn dropped_before_a_chunk_is_copied(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let mut run =
        scenario.alter("Item", WIDER, "wider").args(["--force-copy", "--max-rows-per-second", "20"]).start()?;
    let copies = |seen: &Seen| seen.is("progress") && seen.event["rows_done"].as_u64() > Some(0);
    ensure!(run.reaches(copies).await?, "it never copied a row");
    scenario.execute("DROP TABLE `Item`").await?;
    expect_gone(&scenario, run.finish().await?).await
}

async fn expect_gone(scenario: &Scenario, outcome: Outcome) -> Result<()> {
    let outcome = outcome.expect_code(11)?;
    let said = outcome.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(said.contains("is gone") && said.contains("replank abort"), "it does not say what happened:\n{said}");
    abort(scenario, &[]).await
}

/// The triggers go along with the table; without their log, nobody could write it.
async fn renamed_during_the_copy(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let outcome = meddle(&scenario, "RENAME TABLE `Item` TO `Thing`").await?.expect_code(11)?;
    ensure!(!outcome.swapped(), "it swapped");
    scenario.execute("UPDATE `Thing` SET `title` = 'written' WHERE `id` = 1").await?;
    scenario.replank("abort", "Item").succeed().await?;
    scenario.execute("UPDATE `Thing` SET `title` = 'again' WHERE `id` = 1").await?;
    residue::expect_nothing_left(&scenario, &["Thing"]).await
}

/// Holds the shadow, so that the cutover waits while the table itself is free; then lets somebody do something to it.
async fn meddle_before_the_swap(scenario: &Scenario, program: Program, sql: &str) -> Result<Outcome> {
    let (run, holder) = held_before_the_swap(scenario, program).await?;
    scenario.execute(sql).await?;
    release(holder).await?;
    run.finish().await
}

async fn held_before_the_swap(scenario: &Scenario, program: Program) -> Result<(Run, Conn)> {
    // Without an old table that is kept, nothing but the lock window needs the shadow for itself.
    let mut run = program.args(["--drop-old"]).start()?;
    ensure!(run.reaches_phase("verify").await?, "it never came to the verification");
    let mut holder = scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    holder.query_drop("SELECT 1 FROM `Item__rpk_new` LIMIT 1").await?;
    ensure!(run.reaches_phase("cutover").await?, "it never came to the cutover");
    // Long enough to have asked for the lock: what happens before that, the look before the window finds.
    ensure!(run.reaches(asks_for_the_cutover).await?, "it never asked for the lock");
    Ok((run, holder))
}

fn asks_for_the_cutover(seen: &Seen) -> bool {
    seen.is("lock_attempt") && seen.event["purpose"] == "cutover"
}

async fn release(mut holder: Conn) -> Result<()> {
    holder.query_drop("ROLLBACK").await?;
    Ok(holder.disconnect().await?)
}

async fn truncated_before_the_swap(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let outcome = meddle_before_the_swap(&scenario, slow(&scenario, WIDER), "TRUNCATE `Item`").await?;
    expect_stopped(&scenario, outcome, "truncated", 0).await?;
    abort(&scenario, &["Item"]).await
}

async fn altered_before_the_swap(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let sql = "ALTER TABLE `Item` ADD COLUMN `size` INTEGER NULL";
    let outcome = meddle_before_the_swap(&scenario, slow(&scenario, WIDER), sql).await?;
    expect_stopped(&scenario, outcome, "definition was changed", ROWS).await?;
    abort(&scenario, &["Item"]).await
}

async fn mirror_trigger_dropped_before_the_swap(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let sql = "DROP TRIGGER `Item__rpk_upd`";
    let outcome = meddle_before_the_swap(&scenario, slow(&scenario, WIDER), sql).await?;
    expect_stopped(&scenario, outcome, "triggers of this run are missing", ROWS).await?;
    abort(&scenario, &["Item"]).await
}

async fn partition_truncated_before_the_swap(server: Server) -> Result<()> {
    let scenario = items(&server, PARTITIONED).await?;
    let sql = "ALTER TABLE `Item` TRUNCATE PARTITION p1";
    let outcome = meddle_before_the_swap(&scenario, slow(&scenario, WIDER), sql).await?;
    expect_stopped(&scenario, outcome, "truncated", ROWS * 2 / 3).await?;
    abort(&scenario, &["Item"]).await
}

/// Without PROCESS, InnoDB's table ids cannot be read.
async fn truncated_unseen_by_an_account_without_process(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let account = Account::create(&server).await?;
    account.as_root(&format!("GRANT ALL ON `{}%`.* TO {}", scenario.schema, account.sql)).await?;
    account.as_root(&format!("GRANT SUPER ON *.* TO {}", account.sql)).await?;
    let target = format!("{}.Item", scenario.schema);
    let program = Program::new(scenario.project())
        .args(["alter", &target, "--alter", WIDER, "--name", "wider", "--url", &account.url(&scenario)?])
        .args(["--output", "json", "--force-copy", "--max-rows-per-second", "1000"]);
    let sql = "TRUNCATE `Item`";
    let outcome = meddle_before_the_swap(&scenario, program, sql).await?;
    expect_stopped(&scenario, outcome, "rows were removed", 0).await?;
    account.remove().await?;
    abort(&scenario, &["Item"]).await
}

/// Books of a version that noted no walked key, and on MySQL InnoDB's numbers of tables.
async fn truncated_while_an_older_version_was_away(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let left = async || {
        let mut run = slow(&scenario, WIDER).start()?;
        ensure!(run.reaches_phase("copy").await?, "it never began to copy");
        run.kill();
        run.finish().await?;
        let ids = format!(
            "JSON_ARRAY((SELECT table_id FROM information_schema.innodb_tables WHERE name = '{}/Item'))",
            scenario.schema
        );
        let noted = match server.kind {
            Kind::MySql97 => {
                format!("JSON_SET(JSON_REMOVE(checkpoint, '$.original.tablespaces'), '$.original.table_ids', {ids})")
            }
            Kind::MariaDb1011 | Kind::MariaDb118 => "checkpoint".to_owned(),
        };
        let books = format!("`{}`.replank_runs", scenario.bookkeeping());
        scenario.execute(&format!("UPDATE {books} SET checkpoint = JSON_REMOVE({noted}, '$.walked_key')")).await
    };
    left().await?;
    scenario.execute("TRUNCATE `Item`").await?;
    // As many rows as the sample looks at, so that only the numbers tell.
    scenario.seed("Item", "id, title", "n, CONCAT('item ', n)", ROWS).await?;
    let outcome = scenario.replank("resume", "Item").run().await?;
    expect_stopped(&scenario, outcome, "truncated", ROWS).await?;
    abort(&scenario, &["Item"]).await?;
    left().await?;
    let resumed = scenario.replank("resume", "Item").succeed().await?;
    ensure!(resumed.swapped(), "it did not swap");
    Ok(())
}

async fn snapshots_that_the_account_may_not_see(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let account = Account::create(&server).await?;
    account.as_root(&format!("GRANT ALL ON `{}%`.* TO {}", scenario.schema, account.sql)).await?;
    account.as_root(&format!("GRANT SUPER ON *.* TO {}", account.sql)).await?;
    let outcome = Program::new(scenario.project())
        .args(["alter", &format!("{}.Item", scenario.schema), "--alter", WIDER, "--name", "wider", "--force-copy"])
        .args(["--output", "json", "--url", &account.url(&scenario)?])
        .succeed()
        .await?;
    let told = outcome.events("notice").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(told.contains("older than the new table are not waited for: the account"), "it is told {told}");
    account.remove().await
}

async fn name_of_the_old_table_taken(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let outcome = meddle(&scenario, "CREATE TABLE `Item__rpk_old` (`mine` INTEGER)").await?;
    expect_stopped(&scenario, outcome, "is not ours", ROWS).await?;
    scenario.replank("abort", "Item").succeed().await?;
    let mine = residue::definition(&mut scenario.connect().await?, "`Item__rpk_old`").await;
    ensure!(mine.context("somebody's table is gone")?.contains("mine"), "somebody's table is another one");
    scenario.execute("DROP TABLE `Item__rpk_old`").await?;
    residue::expect_nothing_left(&scenario, &["Item"]).await
}

/// The swap drops the index that keeps the walked key unique in the shadow; a process that ends between that and the
/// RENAME leaves a shadow without it.
async fn temporary_index_dropped(server: Server) -> Result<()> {
    let ddl = "CREATE TABLE `Item` (`id` INTEGER NOT NULL, `title` VARCHAR(20) NOT NULL, UNIQUE KEY `Item_id` (`id`))";
    let scenario = items(&server, ddl).await?;
    let program = slow(&scenario, "DROP INDEX `Item_id`, ADD PRIMARY KEY (`id`, `title`)");
    let (mut run, holder) = held_before_the_swap(&scenario, program).await?;
    run.kill();
    run.finish().await?;
    release(holder).await?;
    scenario.execute("ALTER TABLE `Item__rpk_new` DROP INDEX `rpk_walked_key`").await?;
    scenario.execute("UPDATE `Item` SET `title` = 'changed' WHERE `id` % 10 = 0").await?;
    let wanted = contents(&scenario).await?;
    scenario.replank("resume", "Item").succeed().await?;
    ensure!(contents(&scenario).await? == wanted, "the rows are not what they were");
    let definition = residue::definition(&mut scenario.connect().await?, "`Item`").await?;
    ensure!(
        definition.contains("PRIMARY KEY (`id`,`title`)") && !definition.contains("rpk_walked_key"),
        "{definition}"
    );
    residue::expect_nothing_left(&scenario, &["Item"]).await
}

/// Runs a change until its cutover waits for a transaction that has read or written the table.
async fn waiting_for(scenario: &Scenario, program: Program, sql: &str) -> Result<(Run, Conn)> {
    let mut run = program.start()?;
    ensure!(run.reaches_phase("verify").await?, "it never came to the verification");
    let mut holder = scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    holder.query_drop(sql).await?;
    ensure!(run.reaches_phase("cutover").await?, "it never came to the cutover");
    ensure!(run.reaches(asks_for_the_cutover).await?, "it never asked for the lock");
    Ok((run, holder))
}

/// More rows than are applied under the lock, committed in the moment before it is granted.
async fn many_rows_written_before_the_swap(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let update = "UPDATE `Item` SET `title` = CONCAT('late ', `id`)";
    let (run, mut holder) = waiting_for(&scenario, slow(&scenario, WIDER).args(["--drop-old"]), update).await?;
    holder.query_drop("COMMIT").await?;
    run.finish().await?.expect_code(0)?;
    let rows = contents(&scenario).await?;
    let late = rows.iter().filter(|(id, title)| *title == format!("late {id}")).count() as u64;
    ensure!(late == ROWS, "{late} of {ROWS} rows are as they were written");
    residue::expect_nothing_left(&scenario, &["Item"]).await
}

/// A run that was begun to keep the old table has armed what follows the new one.
async fn old_table_kept_and_then_dropped(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let read = "SELECT 1 FROM `Item` LIMIT 1";
    let (mut run, holder) = waiting_for(&scenario, slow(&scenario, WIDER), read).await?;
    run.kill();
    run.finish().await?;
    release(holder).await?;
    scenario.replank("resume", "Item").args(["--drop-old"]).succeed().await?;
    residue::expect_nothing_left(&scenario, &["Item"]).await
}

/// The triggers go along with the table they are on; the one under its name is then not mirrored.
async fn followed_by_another_table(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let mut run = slow(&scenario, WIDER).start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    scenario.execute("CREATE TABLE `Copy` LIKE `Item`").await?;
    scenario.execute("INSERT INTO `Copy` SELECT * FROM `Item`").await?;
    scenario.execute("RENAME TABLE `Item` TO `Backup`, `Copy` TO `Item`").await?;
    let outcome = run.finish().await?;
    ensure!(!outcome.swapped(), "it swapped");
    ensure!(outcome.code() != Some(0), "it ended as if nothing had happened");
    let definition = residue::definition(&mut scenario.connect().await?, "`Item`").await?;
    ensure!(!definition.contains("varchar(40)"), "the table was changed:\n{definition}");
    Ok(())
}

async fn contents(scenario: &Scenario) -> Result<Vec<(u64, String)>> {
    let mut conn = scenario.connect().await?;
    tokio::time::timeout(Duration::from_secs(10), conn.query("SELECT `id`, `title` FROM `Item` ORDER BY `id`, `title`"))
        .await?
        .context("reading the table")
}

/// A window keeps out who writes the table, not who reads its definition, for whom the server waits with a trigger.
async fn definition_read_while_triggers_change(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let target = format!("{}.Item", scenario.schema);
    let waits = |statement: &'static str| {
        let server = server.clone();
        async move { Intercept::start(&server, &["LOCK TABLES", statement], Then::TimeOut).await }
    };
    let command = |way: &Intercept, words: &[&str]| {
        let url = way.url(&scenario)?;
        anyhow::Ok(Program::new(scenario.project()).args([words, &["--url", &url, "--output", "json"]].concat()))
    };

    let way = waits("CREATE TRIGGER").await?;
    let alter = ["alter", &target, "--alter", WIDER, "--name", "wider", "--force-copy"];
    let mut run = command(&way, &[&alter[..], &["--max-rows-per-second", "1000"]].concat())?.start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.interrupt()?;
    run.finish().await?.expect_code(130)?;
    ensure!(way.has_met(), "no trigger had to wait");

    let way = waits("DROP TRIGGER").await?;
    command(&way, &["abort", &target])?.succeed().await?;
    ensure!(way.has_met(), "no trigger had to wait");
    residue::expect_nothing_left(&scenario, &["Item"]).await?;

    slow(&scenario, WIDER).succeed().await?;
    let way = waits("DROP TRIGGER").await?;
    command(&way, &["cleanup", &target])?.succeed().await?;
    ensure!(way.has_met(), "no trigger had to wait");
    residue::expect_nothing_left(&scenario, &["Item"]).await
}

/// A dump with `--single-transaction` that began during the copy and comes to the table last.
async fn snapshot_opened_during_the_copy(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let (run, mut dump) = snapshot_before_the_swap(&scenario, slow(&scenario, WIDER)).await?;
    let rows: Option<u64> = dump.query_first("SELECT COUNT(*) FROM `Item`").await?;
    ensure!(rows == Some(ROWS), "a snapshot from the time of the copy has {rows:?} rows instead of {ROWS}");
    release(dump).await?;
    let outcome = run.finish().await?.expect_code(0)?;
    ensure!(outcome.swapped(), "it did not swap");
    Ok(())
}

/// A definition that does not end the transaction.
async fn snapshot_under_a_temporary_table(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let (run, mut report) = snapshot_before_the_swap(&scenario, slow(&scenario, WIDER)).await?;
    report.query_drop("CREATE TEMPORARY TABLE `sum` AS SELECT SLEEP(2) AS `slept`").await?;
    let rows: Option<u64> = report.query_first("SELECT COUNT(*) FROM `Item`").await?;
    ensure!(rows == Some(ROWS), "a snapshot from the time of the copy has {rows:?} rows instead of {ROWS}");
    release(report).await?;
    ensure!(run.finish().await?.expect_code(0)?.swapped(), "it did not swap");
    Ok(())
}

async fn snapshot_that_does_not_end(server: Server) -> Result<()> {
    let scenario = items(&server, ITEM).await?;
    let (run, mut dump) =
        snapshot_before_the_swap(&scenario, slow(&scenario, WIDER).args(["--lock-patience", "1s"])).await?;
    let outcome = run.finish().await?.expect_code(13)?;
    ensure!(!outcome.swapped(), "it swapped");
    let said = outcome.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(said.contains("whose snapshot is older than the new table"), "it does not say why:\n{said}");
    ensure!(said.contains(&format!("KILL {}", dump.id())), "it does not say which connection:\n{said}");
    let rows: Option<u64> = dump.query_first("SELECT COUNT(*) FROM `Item`").await?;
    ensure!(rows == Some(ROWS), "the snapshot has {rows:?} rows instead of {ROWS}");
    release(dump).await?;
    let outcome = scenario.replank("resume", "Item").succeed().await?;
    ensure!(outcome.swapped(), "it did not swap");
    Ok(())
}

/// It has a snapshot, too, but never comes to the table.
async fn long_statement_on_another_table(server: Server) -> Result<()> {
    let elsewhere = elsewhere(&server).await?;
    not_waited_for(&server, elsewhere.connect().await?, "SELECT SUM(SLEEP(60)) FROM `Other`", "User sleep").await
}

/// Servers show it with a transaction that goes on.
async fn long_definition_of_another_table(server: Server) -> Result<()> {
    let elsewhere = elsewhere(&server).await?;
    let mut reader = elsewhere.connect().await?;
    reader.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    reader.query_drop("START TRANSACTION").await?;
    reader.query_drop("SELECT * FROM `Other`").await?;
    let sql = "ALTER TABLE `Other` ADD COLUMN `more` INTEGER, ALGORITHM=COPY";
    not_waited_for(&server, elsewhere.connect().await?, sql, "Waiting for table metadata lock").await?;
    release(reader).await
}

async fn elsewhere(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "elsewhere", &["CREATE TABLE `Other` (`id` INTEGER PRIMARY KEY)"]).await?;
    scenario.execute("INSERT INTO `Other` VALUES (1), (2), (3)").await?;
    Ok(scenario)
}

/// Changes the table while a statement of another schema stays in a state.
async fn not_waited_for(server: &Server, mut busy: Conn, statement: &'static str, state: &str) -> Result<()> {
    let scenario = items(server, ITEM).await?;
    let mut run = slow(&scenario, WIDER).args(["--lock-patience", "5s"]).start()?;
    // MySQL makes other tables only before or after a definition that copies.
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    let id = busy.id();
    let running = tokio::spawn(async move { busy.query_drop(statement).await });
    let mut conn = scenario.connect().await?;
    let sql = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id} AND state = '{state}'");
    let comes_to_it = async {
        while conn.query_first::<u64, _>(&sql).await? != Some(1) {}
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(30), comes_to_it).await.context("the statement does not run")??;
    let outcome = run.finish().await;
    let went_on = !running.is_finished();
    conn.query_drop(format!("KILL {id}")).await?;
    ensure!(outcome?.swapped(), "it did not swap");
    ensure!(went_on, "the statement was over");
    ensure!(running.await?.is_err(), "the statement ended by itself");
    Ok(())
}

/// Opens a snapshot during the copy, in no transaction that has used the table, and waits until the cutover notices.
async fn snapshot_before_the_swap(scenario: &Scenario, program: Program) -> Result<(Run, Conn)> {
    let mut run = program.start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    let mut dump = scenario.connect().await?;
    dump.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    let begun = async {
        loop {
            let copied: Option<u64> = dump.query_first("SELECT COUNT(*) FROM `Item__rpk_new`").await?;
            if let Some(copied @ 1..) = copied {
                return anyhow::Ok(copied);
            }
        }
    };
    let copied = tokio::time::timeout(Duration::from_secs(30), begun).await.context("nothing is copied")??;
    ensure!(copied < ROWS, "the copy was over before the snapshot was opened");
    dump.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
    let notices = |seen: &Seen| (asks_for_the_cutover(seen) && seen.event["granted"] == false) || seen.is("swapped");
    ensure!(run.reaches(notices).await?, "it never came to the swap");
    Ok((run, dump))
}
