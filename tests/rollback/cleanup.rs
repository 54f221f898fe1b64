//! What is kept goes away when its time is over or somebody says so; what replank has not made stays.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

use crate::support::{Scenario, Server, on_every_server, residue};
use crate::{command, failure, of_changes};

on_every_server!(
    time_that_is_over,
    log_of_what_stays_is_pruned,
    table_of_somebody_else,
    followers_without_a_kept_table,
    run_of_a_dropped_table,
    name_that_is_taken,
    application_schema_as_the_books,
);

const ITEM: &str =
    "CREATE TABLE `Item` (`id` INTEGER NOT NULL AUTO_INCREMENT, `amount` INTEGER NOT NULL, PRIMARY KEY (`id`))";

async fn items(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "kept", &[ITEM]).await?;
    scenario.seed("Item", "amount", "n", 100).await?;
    Ok(scenario)
}

async fn changed(server: &Server, words: &[&str]) -> Result<Scenario> {
    let scenario = items(server).await?;
    let alter = scenario.alter("Item", "MODIFY `amount` BIGINT NOT NULL", "wider");
    alter.args(["--force-copy"]).args(words.iter().copied()).succeed().await?;
    Ok(scenario)
}

async fn time_that_is_over(server: Server) -> Result<()> {
    let scenario = changed(&server, &["--keep-old", "1s"]).await?;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let cleaned = command(&scenario, &["cleanup"]).succeed().await?;
        let table = cleaned.events("cleaned_up").next().map(|seen| seen.event["tables"][0].clone()).unwrap_or_default();
        if table["dropped"][0].as_str().is_some_and(|dropped| dropped.ends_with("Item__rpk_old")) {
            break;
        }
        ensure!(table["kept"][0][0].is_string() && Instant::now() < deadline, "{table}");
        sleep(Duration::from_millis(100)).await;
    }
    residue::expect_nothing_left(&scenario, &["Item"]).await?;
    let status = scenario.replank("status", "Item").succeed().await?;
    ensure!(status.lists_no_run(), "{}", status.stdout);
    scenario.replank("rollback", "Item").run().await?.expect_code(10)?;
    // Nothing is in the way of the next change.
    scenario.alter("Item", "MODIFY `amount` INTEGER NOT NULL", "back").args(["--force-copy"]).succeed().await?;
    Ok(())
}

async fn log_of_what_stays_is_pruned(server: Server) -> Result<()> {
    let scenario = changed(&server, &["--keep-old", "1h"]).await?;
    let mut conn = scenario.connect().await?;
    for amount in 0..50 {
        conn.query_drop(format!("UPDATE `Item` SET `amount` = {amount} WHERE `id` IN (1, 2)")).await?;
    }
    let logged = format!("SELECT COUNT(*) FROM `{}`.`Item__rpk_rlog`", scenario.bookkeeping());
    let before: Option<u64> = conn.query_first(&logged).await?;
    ensure!(before >= Some(100), "{before:?}");
    let status = scenario.replank("status", "Item").command().output()?;
    let document: serde_json::Value = serde_json::from_slice(&status.stdout)?;
    let kept = &document["runs"][0]["kept"];
    ensure!(
        kept["logged"].as_u64() >= before && kept["until"].as_str().is_some_and(|until| until.ends_with('Z')),
        "{kept}"
    );
    let cleaned = command(&scenario, &["cleanup"]).succeed().await?;
    let table = cleaned.events("cleaned_up").next().map(|seen| seen.event["tables"][0].clone()).unwrap_or_default();
    let after: Option<u64> = conn.query_first(&logged).await?;
    let keys: Option<u64> = conn.query_first(logged.replace("COUNT(*)", "COUNT(DISTINCT `id`)")).await?;
    ensure!(after == keys && keys >= Some(2), "{after:?} entries for {keys:?} keys");
    ensure!(table["pruned"].as_u64() == before.zip(after).map(|(before, after)| before - after), "{table}");
    scenario.replank("rollback", "Item").succeed().await?;
    let amounts: Option<u64> = conn.query_first("SELECT COUNT(*) FROM `Item` WHERE `amount` = 49").await?;
    // One of the seeds has it, too.
    ensure!(amounts == Some(3), "{amounts:?}");
    Ok(())
}

async fn table_of_somebody_else(server: Server) -> Result<()> {
    let scenario = changed(&server, &[]).await?;
    let kept = format!("`{}`.`Item__rpk_old`", scenario.bookkeeping());
    scenario.execute(&format!("DROP TABLE {kept}")).await?;
    scenario.execute(&format!("CREATE TABLE {kept} (`id` INTEGER NOT NULL PRIMARY KEY)")).await?;
    for words in [&["cleanup"][..], &["rollback"]] {
        let refused = scenario.replank(words[0], "Item").run().await?.expect_code(11)?;
        let text = failure(&refused)?;
        ensure!(text.contains("is not the table that run 1 has kept"), "{text}");
    }
    let cleaned = command(&scenario, &["cleanup"]).succeed().await?;
    ensure!(cleaned.events("notice").any(|seen| seen.event["text"].to_string().contains("is left for now")), "untold");
    ensure!(of_changes(&scenario).await?.contains(&"table Item__rpk_old".to_owned()), "somebody's table is gone");
    Ok(())
}

/// The old table was dropped by hand: the triggers that follow the new one go all the same.
async fn followers_without_a_kept_table(server: Server) -> Result<()> {
    let scenario = changed(&server, &[]).await?;
    scenario.execute(&format!("DROP TABLE `{}`.`Item__rpk_old`", scenario.bookkeeping())).await?;
    scenario.replank("cleanup", "Item").succeed().await?;
    residue::expect_nothing_left(&scenario, &["Item"]).await?;
    scenario.execute("INSERT INTO `Item` (`amount`) VALUES (1)").await
}

/// A table that was dropped during a run does not block its name.
async fn run_of_a_dropped_table(server: Server) -> Result<()> {
    let scenario = items(&server).await?;
    let program = scenario.alter("Item", "FORCE", "first").args(["--force-copy", "--max-rows-per-second", "10"]);
    let mut run = program.start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.kill();
    run.finish().await?;
    scenario.execute("DROP TABLE `Item`").await?;
    scenario.replank("abort", "Item").succeed().await?;
    residue::expect_nothing_left(&scenario, &[]).await?;
    scenario.execute(ITEM).await?;
    scenario.alter("Item", "FORCE", "second").args(["--force-copy", "--drop-old"]).succeed().await?;
    Ok(())
}

/// A table of somebody else under a name of ours is not dropped.
async fn name_that_is_taken(server: Server) -> Result<()> {
    let scenario = items(&server).await?;
    scenario.execute("CREATE TABLE `Item__rpk_new` (`precious` INTEGER)").await?;
    let refused = scenario.alter("Item", "FORCE", "first").args(["--force-copy"]).run().await?.expect_code(11)?;
    let text = failure(&refused)?;
    ensure!(text.contains("Item__rpk_new` is there, and no run of replank has made it"), "{text}");
    scenario.execute("INSERT INTO `Item__rpk_new` VALUES (1)").await
}

/// Where no schema of its own may be made for the books: the kept tables are there, and go away all the same.
async fn application_schema_as_the_books(server: Server) -> Result<()> {
    let scenario = items(&server).await?;
    let schema = scenario.schema.clone();
    let books = ["--bookkeeping-schema", &schema];
    let alter = scenario.alter("Item", "MODIFY `amount` BIGINT NOT NULL", "wider").args(["--force-copy"]);
    let altered = alter.args(books).succeed().await?;
    let told = altered.events("notice").any(|seen| seen.event["text"].to_string().contains("drift"));
    ensure!(told, "it does not say that Prisma takes the kept table for drift");
    scenario.execute("UPDATE `Item` SET `amount` = 7 WHERE `id` = 1").await?;
    scenario.replank("rollback", "Item").args(books).succeed().await?;
    let amount: Option<i32> =
        scenario.connect().await?.query_first("SELECT `amount` FROM `Item` WHERE `id` = 1").await?;
    ensure!(amount == Some(7), "{amount:?}");
    scenario.replank("cleanup", "Item").args(books).succeed().await?;
    let left = of_changes(&scenario).await?;
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}
