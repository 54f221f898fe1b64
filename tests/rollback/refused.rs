//! Ways back that there are not: each is said before anything is touched.

use anyhow::{Result, ensure};

use crate::support::{Scenario, Server, on_every_server};
use crate::{command, expect_words, failure, of_changes};

on_every_server!(nothing_is_kept, altered_since, foreign_keys, not_every_write_was_logged, unfinished_change);

const ITEM: &str =
    "CREATE TABLE `Item` (`id` INTEGER NOT NULL AUTO_INCREMENT, `amount` INTEGER NOT NULL, PRIMARY KEY (`id`))";

async fn items(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "no_way", &[ITEM]).await?;
    scenario.seed("Item", "amount", "n", 100).await?;
    Ok(scenario)
}

async fn changed(server: &Server) -> Result<Scenario> {
    let scenario = items(server).await?;
    scenario.alter("Item", "MODIFY `amount` BIGINT NOT NULL", "wider").args(["--force-copy"]).succeed().await?;
    Ok(scenario)
}

async fn expect_refused(scenario: &Scenario, code: i32, words: &[&str]) -> Result<()> {
    let before = of_changes(scenario).await?;
    let refused = scenario.replank("rollback", "Item").run().await?.expect_code(code)?;
    expect_words(&failure(&refused)?, words)?;
    let after = of_changes(scenario).await?;
    ensure!(before == after, "{before:?} became {after:?}");
    Ok(())
}

async fn nothing_is_kept(server: Server) -> Result<()> {
    let scenario = items(&server).await?;
    expect_refused(&scenario, 10, &["no old table", "is kept", "a migration of its own"]).await?;
    scenario.alter("Item", "FORCE", "first").args(["--force-copy", "--drop-old"]).succeed().await?;
    expect_refused(&scenario, 10, &["no old table", "is kept", "a migration of its own"]).await?;
    let unknown = command(&scenario, &["rollback", "20260101000000_nothing"]).run().await?.expect_code(10)?;
    expect_words(&failure(&unknown)?, &["nothing is kept of a migration `20260101000000_nothing`"])
}

async fn altered_since(server: Server) -> Result<()> {
    let scenario = changed(&server).await?;
    scenario.execute("ALTER TABLE `Item` ADD COLUMN `more` INTEGER NULL").await?;
    expect_refused(&scenario, 11, &["was altered by somebody else since the change"]).await?;
    scenario.execute("ALTER TABLE `Item` DROP COLUMN `more`").await?;
    scenario.replank("rollback", "Item").succeed().await?;
    Ok(())
}

async fn foreign_keys(server: Server) -> Result<()> {
    let scenario = changed(&server).await?;
    let kept = format!("`{}__replank`.`Item__rpk_old`", scenario.schema);
    let line = format!(
        "CREATE TABLE `Line` (`id` INTEGER NOT NULL PRIMARY KEY, `itemId` INTEGER NOT NULL, \
         CONSTRAINT `Line_itemId_fkey` FOREIGN KEY (`itemId`) REFERENCES {kept}(`id`))"
    );
    scenario.execute(&line).await?;
    expect_refused(&scenario, 10, &["a foreign key ties the kept", "Line"]).await
}

async fn not_every_write_was_logged(server: Server) -> Result<()> {
    let scenario = changed(&server).await?;
    scenario.execute("DROP TRIGGER `Item__rpk_rupd`").await?;
    expect_refused(&scenario, 10, &["not every write was logged since the change"]).await?;
    scenario.replank("cleanup", "Item").succeed().await?;
    ensure!(of_changes(&scenario).await?.is_empty(), "something is left");
    Ok(())
}

async fn unfinished_change(server: Server) -> Result<()> {
    let scenario = items(&server).await?;
    let program = scenario.alter("Item", "FORCE", "first").args(["--force-copy", "--max-rows-per-second", "10"]);
    let mut run = program.start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.kill();
    run.finish().await?;
    let refused = scenario.replank("rollback", "Item").run().await?;
    let text = failure(&refused)?;
    ensure!(refused.code() == Some(10) || refused.code() == Some(11), "{text}");
    scenario.replank("abort", "Item").succeed().await?;
    Ok(())
}
