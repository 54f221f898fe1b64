//! Migrations that a deploy has made: all of one is taken back, or nothing is.

use std::fs;

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;

use crate::support::{Outcome, Program, Scenario, Server, on_every_server, prisma, residue};
use crate::{command, expect_words, failure};

on_every_server!(one_table, two_tables, parent_and_child, other_statements);

const ITEM: &str =
    "CREATE TABLE `Item` (`id` INTEGER NOT NULL AUTO_INCREMENT, `amount` INTEGER NOT NULL, PRIMARY KEY (`id`))";
const BOX: &str =
    "CREATE TABLE `Box` (`id` INTEGER NOT NULL AUTO_INCREMENT, `weight` INTEGER NOT NULL, PRIMARY KEY (`id`))";
const NAME: &str = "20260202000000_wider";

async fn deployed(server: &Server, script: &str) -> Result<Scenario> {
    let scenario = Scenario::new(server, "deployed", &[ITEM, BOX]).await?;
    scenario.seed("Item", "amount", "n", 50).await?;
    scenario.seed("Box", "weight", "n", 50).await?;
    let folder = scenario.migrations().join(NAME);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("migration.sql"), script)?;
    deploy(&scenario).succeed().await?;
    Ok(scenario)
}

/// Prisma's lock is one for the whole server, so tests that run at the same time turn it off.
fn deploy(scenario: &Scenario) -> Program {
    command(scenario, &["deploy", "--online-above", "0", "--keep-old"]).env("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK", "1")
}

async fn types(scenario: &Scenario) -> Result<Vec<String>> {
    let sql = "SELECT CONCAT(column_name, ' ', data_type) FROM information_schema.columns \
               WHERE table_schema = DATABASE() AND column_name IN ('amount', 'weight') ORDER BY 1";
    Ok(scenario.connect().await?.query(sql).await?)
}

async fn back(scenario: &Scenario) -> Result<Outcome> {
    command(scenario, &["rollback", NAME]).run().await
}

async fn one_table(server: Server) -> Result<()> {
    let scenario = deployed(&server, "ALTER TABLE `Item` MODIFY `amount` BIGINT NOT NULL;\n").await?;
    scenario.execute("UPDATE `Item` SET `amount` = 77 WHERE `id` = 3").await?;
    let gone_back = back(&scenario).await?.expect_code(0)?;
    let told: String = gone_back.events("notice").map(|seen| seen.event["text"].to_string()).collect();
    expect_words(&told, &[NAME, "is pending", "delete its directory"])?;
    ensure!(types(&scenario).await? == ["amount int", "weight int"], "{:?}", types(&scenario).await?);
    let rows = prisma::recorded(&mut scenario.connect().await?).await?;
    ensure!(rows.len() == 1 && rows[0].rolled_back_at.is_some() && rows[0].finished_at.is_some(), "{rows:?}");
    // The next deploy makes it again, and that can be taken back, too.
    deploy(&scenario).succeed().await?;
    ensure!(types(&scenario).await? == ["amount bigint", "weight int"], "{:?}", types(&scenario).await?);
    back(&scenario).await?.expect_code(0)?;
    let rows = prisma::recorded(&mut scenario.connect().await?).await?;
    ensure!(rows.len() == 2 && rows.iter().all(|row| row.rolled_back_at.is_some()), "{rows:?}");
    let amount: Option<i32> =
        scenario.connect().await?.query_first("SELECT `amount` FROM `Item` WHERE `id` = 3").await?;
    ensure!(amount == Some(77), "{amount:?}");
    scenario.replank("cleanup", "Item").succeed().await?;
    residue::expect_nothing_left(&scenario, &["Box", "Item"]).await
}

/// The child's change follows its cascades by triggers on the parent, until it is taken back itself.
async fn parent_and_child(server: Server) -> Result<()> {
    let line = "CREATE TABLE `Line` (`id` INTEGER NOT NULL, `itemId` INTEGER NOT NULL, PRIMARY KEY (`id`), \
                INDEX `Line_itemId_idx`(`itemId`), CONSTRAINT `Line_itemId_fkey` FOREIGN KEY (`itemId`) \
                REFERENCES `Item`(`id`) ON DELETE CASCADE ON UPDATE CASCADE)";
    let scenario = Scenario::new(&server, "deployed", &[ITEM, line]).await?;
    for sql in [
        "INSERT INTO `Item` (`id`, `amount`) VALUES (1, 10), (2, 20), (3, 30)",
        "INSERT INTO `Line` (`id`, `itemId`) VALUES (1, 1), (2, 2), (3, 3)",
    ] {
        scenario.execute(sql).await?;
    }
    let before = definitions(&scenario).await?;
    let folder = scenario.migrations().join(NAME);
    fs::create_dir_all(&folder)?;
    let script = "ALTER TABLE `Item` MODIFY `amount` BIGINT NOT NULL;\n\
                  ALTER TABLE `Line` ADD COLUMN `more` INTEGER NULL, ADD INDEX `Line_more_idx`(`more`), FORCE;\n";
    fs::write(folder.join("migration.sql"), script)?;
    deploy(&scenario).succeed().await?;
    for sql in ["UPDATE `Item` SET `id` = 1000 WHERE `id` = 1", "DELETE FROM `Item` WHERE `id` = 2"] {
        scenario.execute(sql).await?;
    }
    let parent = scenario.replank("rollback", "Item").args(["--yes"]).run().await?;
    ensure!(parent.code() != Some(0), "the parent went back without its child");
    command(&scenario, &["rollback", NAME, "--yes"]).succeed().await?;
    let after = definitions(&scenario).await?;
    ensure!(after == before, "{before:#?} became {after:#?}");
    let mut conn = scenario.connect().await?;
    let lines: Vec<i64> = conn.query("SELECT `itemId` FROM `Line` WHERE `id` < 4 ORDER BY `id`").await?;
    ensure!(lines == [1000, 3], "{lines:?}");
    for table in ["Line", "Item"] {
        scenario.replank("cleanup", table).succeed().await?;
    }
    residue::expect_nothing_left(&scenario, &["Item", "Line"]).await
}

async fn definitions(scenario: &Scenario) -> Result<Vec<String>> {
    let mut conn = scenario.connect().await?;
    Ok(vec![residue::definition(&mut conn, "`Item`").await?, residue::definition(&mut conn, "`Line`").await?])
}

async fn two_tables(server: Server) -> Result<()> {
    let script =
        "ALTER TABLE `Item` MODIFY `amount` BIGINT NOT NULL;\nALTER TABLE `Box` MODIFY `weight` BIGINT NOT NULL;\n";
    let scenario = deployed(&server, script).await?;
    // One table alone is not the migration.
    let refused = scenario.replank("rollback", "Item").run().await?.expect_code(10)?;
    expect_words(&failure(&refused)?, &["cannot be rolled back in this way", "it also changed", "Box"])?;
    let gone_back = back(&scenario).await?.expect_code(0)?;
    let order: Vec<String> = gone_back
        .events("run_started")
        .map(|seen| seen.event["table"].to_string().trim_matches('"').to_owned())
        .collect();
    ensure!(order == [format!("{}.Box", scenario.schema), format!("{}.Item", scenario.schema)], "{order:?}");
    ensure!(types(&scenario).await? == ["amount int", "weight int"], "{:?}", types(&scenario).await?);
    let rows = prisma::recorded(&mut scenario.connect().await?).await?;
    ensure!(rows.len() == 1 && rows[0].rolled_back_at.is_some(), "{rows:?}");
    Ok(())
}

async fn other_statements(server: Server) -> Result<()> {
    let script = "ALTER TABLE `Item` MODIFY `amount` BIGINT NOT NULL;\nUPDATE `Box` SET `weight` = 5 WHERE `id` = 1;\n";
    let scenario = deployed(&server, script).await?;
    for outcome in [back(&scenario).await?, scenario.replank("rollback", "Item").run().await?] {
        let text = failure(&outcome.expect_code(10)?)?;
        expect_words(&text, &["cannot be rolled back in this way", "statements 2 of it", "rollback.sql"])?;
    }
    // Without the script nobody knows that.
    fs::remove_file(scenario.migrations().join(NAME).join("migration.sql"))?;
    let text = failure(&back(&scenario).await?.expect_code(10)?)?;
    expect_words(&text, &["what else the migration", "is not known"])
}
