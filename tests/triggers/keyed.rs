//! Triggers of a table that has foreign keys, too: until those are moved, the old table is written after the swap, and
//! its triggers must be still.

use std::time::Duration;

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

use crate::audit::{AUDIT, Application, SEEDS, alter, give_triggers};
use crate::intercept::{Intercept, Then};
use crate::killed::{Next, definer, described, edge, killed_in, on_way};
use crate::rolled_back::{self, expect_back, there_and_back};
use crate::support::{Scenario, Server, on_every_server, residue};

on_every_server!(
    once_for_each_write,
    rolled_back_under_load,
    killed_while_triggers_are_muted,
    killed_in_the_window,
    killed_while_keys_are_moved,
    connection_lost_while_triggers_are_muted,
    rollback_killed,
    made_again_while_muted,
    table_renamed_while_muted,
    texts_of_every_kind,
    name_of_a_double_taken,
);

const OWNER: &str = "CREATE TABLE `Owner` (`id` INTEGER NOT NULL, `items` INTEGER NOT NULL, PRIMARY KEY (`id`))";
const ITEM: &str = "CREATE TABLE `Item` (`id` INTEGER NOT NULL AUTO_INCREMENT, `token` VARCHAR(40) NOT NULL, \
    `total` INTEGER NOT NULL, `ownerId` INTEGER NULL, PRIMARY KEY (`id`), INDEX `Item_ownerId_idx`(`ownerId`), \
    CONSTRAINT `Item_ownerId_fkey` FOREIGN KEY (`ownerId`) REFERENCES `Owner`(`id`) ON DELETE CASCADE ON UPDATE CASCADE)";
const DETAIL: &str = "CREATE TABLE `Detail` (`id` INTEGER NOT NULL AUTO_INCREMENT, `itemId` INTEGER NOT NULL, \
    PRIMARY KEY (`id`), INDEX `Detail_itemId_idx`(`itemId`), \
    CONSTRAINT `Detail_itemId_fkey` FOREIGN KEY (`itemId`) REFERENCES `Item`(`id`) ON DELETE CASCADE ON UPDATE CASCADE)";

/// One for each connection: they do not wait for each other by their own doing.
const OWNERS: u64 = 8;

/// Parent and child are written by the triggers as well: each new item counts for its owner, and has a detail.
async fn items(server: &Server, topic: &str) -> Result<Scenario> {
    let scenario = Scenario::new(server, topic, &[OWNER, ITEM, DETAIL, AUDIT]).await?;
    scenario.seed("Owner", "id, items", "n, 0", OWNERS).await?;
    let owner = format!("n % {OWNERS}");
    scenario.seed("Item", "token, total, ownerId", &format!("CONCAT('seed ', n), n, {owner}"), SEEDS).await?;
    give_triggers(&scenario).await?;
    for trigger in [
        "CREATE TRIGGER `an_owner` BEFORE INSERT ON `Item` FOR EACH ROW SET NEW.`ownerId` = LEFT(NEW.`token`, 1)",
        "CREATE TRIGGER `a_detail` AFTER INSERT ON `Item` FOR EACH ROW INSERT INTO `Detail` (`itemId`) VALUES (NEW.`id`)",
        "CREATE TRIGGER `counted` AFTER INSERT ON `Item` FOR EACH ROW \
         UPDATE `Owner` SET `items` = `items` + 1 WHERE `id` = NEW.`ownerId`",
    ] {
        scenario.execute(trigger).await?;
    }
    Ok(scenario)
}

/// Stops the application, and fails unless parent and child have been written once for each item as well.
async fn stop(application: Application, scenario: &Scenario) -> Result<()> {
    application.stop(scenario).await?;
    expect_related(scenario).await
}

async fn expect_related(scenario: &Scenario) -> Result<()> {
    let mut conn = scenario.connect().await?;
    let orphans = |child: &str, column: &str, parent: &str| {
        format!("SELECT COUNT(*) FROM `{child}` c LEFT JOIN `{parent}` p ON p.`id` = c.`{column}` WHERE p.`id` IS NULL")
    };
    let undetailed = format!(
        "SELECT COUNT(*) FROM `Item` i WHERE i.`id` > {SEEDS} \
         AND 1 <> (SELECT COUNT(*) FROM `Detail` d WHERE d.`itemId` = i.`id`)"
    );
    for (what, sql) in [
        ("items without one detail", undetailed),
        ("details without an item", orphans("Detail", "itemId", "Item")),
        ("items without an owner", orphans("Item", "ownerId", "Owner")),
    ] {
        let found: Option<u64> = conn.query_first(sql).await?;
        ensure!(found == Some(0), "there are {found:?} {what}");
    }
    let inserted = "(SELECT COUNT(*) FROM `Audit` WHERE `who` = 'i_before')";
    let counted: Option<(u64, u64)> =
        conn.query_first(format!("SELECT CAST(SUM(`items`) AS UNSIGNED), {inserted} FROM `Owner`")).await?;
    ensure!(counted.is_some_and(|(counted, inserted)| counted == inserted && inserted > 0), "{counted:?}");
    Ok(conn.disconnect().await?)
}

async fn once_for_each_write(server: Server) -> Result<()> {
    let scenario = items(&server, "keyed").await?;
    let before = described(&scenario).await?;
    let application = Application::start(&scenario).await?;
    sleep(Duration::from_millis(200)).await;
    alter(&scenario).succeed().await?;
    sleep(Duration::from_millis(200)).await;
    stop(application, &scenario).await?;
    // What is written down already would be in the way of the next comparison.
    scenario.execute("DELETE FROM `Audit`").await?;
    scenario.execute("UPDATE `Owner` SET `items` = 0").await?;
    let application = Application::start(&scenario).await?;
    scenario.replank("cleanup", "Item").succeed().await?;
    stop(application, &scenario).await?;
    ensure!(described(&scenario).await? == before, "{:#?}", described(&scenario).await?);
    expect_like_plain_sql(&scenario).await?;
    let objects = residue::objects(&mut scenario.connect().await?, &scenario.schema).await?;
    ensure!(!objects.iter().any(|object| object.contains("__rpk_")), "{objects:?}");
    Ok(())
}

async fn expect_like_plain_sql(scenario: &Scenario) -> Result<()> {
    let twin = items(&scenario.server, "twin").await?;
    twin.execute("ALTER TABLE `Item` MODIFY `total` BIGINT NOT NULL, ADD COLUMN `size` INTEGER NULL").await?;
    let (mut made, mut plain) = (scenario.connect().await?, twin.connect().await?);
    for table in ["`Owner`", "`Item`", "`Detail`"] {
        let (made, plain) =
            (residue::definition_parts(&mut made, table).await?, residue::definition_parts(&mut plain, table).await?);
        ensure!(made == plain, "{table} is\n{made:#?}\ninstead of\n{plain:#?}");
    }
    Ok(())
}

async fn rolled_back_under_load(server: Server) -> Result<()> {
    let scenario = items(&server, "keyed").await?;
    let before = described(&scenario).await?;
    stop(there_and_back(&scenario).await?, &scenario).await?;
    expect_back(&scenario, &before).await
}

async fn killed(server: &Server, beginnings: &[&str], next: Next) -> Result<()> {
    let scenario = items(server, "keyed").await?;
    killed_in(&scenario, &edge(beginnings), next).await?;
    expect_related(&scenario).await
}

async fn killed_while_triggers_are_muted(server: Server) -> Result<()> {
    let mute = format!("CREATE {} TRIGGER `Item__rpk_mute", definer(&server).await?);
    // In front of the first, and with some that are muted and others that are not.
    killed(&server, &[&mute], Next::Resume).await?;
    killed(&server, &[&mute, &mute, &mute], Next::Abort).await?;
    killed(&server, &[&mute, &mute, &mute], Next::Resume).await
}

async fn killed_in_the_window(server: Server) -> Result<()> {
    // The row mirror is made, behind which comes the RENAME.
    let keys = "ALTER TABLE `SCHEMA`.`Item__rpk_new` ADD CONSTRAINT";
    killed(&server, &[keys], Next::Resume).await?;
    killed(&server, &[keys], Next::Abort).await
}

async fn killed_while_keys_are_moved(server: Server) -> Result<()> {
    killed(&server, &["ALTER TABLE `SCHEMA`.`Detail` ADD CONSTRAINT"], Next::Resume).await?;
    killed(&server, &["ALTER TABLE `SCHEMA`.`Item` ADD CONSTRAINT"], Next::Resume).await
}

/// The first pair is done, and nobody hears of it.
async fn connection_lost_while_triggers_are_muted(server: Server) -> Result<()> {
    let scenario = items(&server, "keyed").await?;
    let before = described(&scenario).await?;
    let application = Application::start(&scenario).await?;
    let mute = format!("CREATE {} TRIGGER `Item__rpk_mute", definer(&server).await?);
    let way = Intercept::start(&server, &[&mute], Then::CutAnswer).await?;
    on_way(&scenario, &way)?.succeed().await?;
    ensure!(way.has_met(), "{:#?}", way.statements());
    stop(application, &scenario).await?;
    scenario.replank("cleanup", "Item").succeed().await?;
    ensure!(described(&scenario).await? == before, "{:#?}", described(&scenario).await?);
    Ok(())
}

async fn rollback_killed(server: Server) -> Result<()> {
    let scenario = items(&server, "keyed").await?;
    let before = described(&scenario).await?;
    let application = Application::start(&scenario).await?;
    alter(&scenario).succeed().await?;
    let mute = format!("CREATE {} TRIGGER `Item__rpk_mute", definer(&server).await?);
    rolled_back::killed(&scenario, &[&mute, &mute]).await?;
    scenario.replank("abort", "Item").succeed().await?;
    sleep(Duration::from_millis(100)).await;
    let moved = format!("ALTER TABLE `{}`.`Detail` ADD CONSTRAINT", scenario.schema);
    rolled_back::killed(&scenario, &[&moved]).await?;
    sleep(Duration::from_millis(100)).await;
    scenario.replank("resume", "Item").succeed().await?;
    sleep(Duration::from_millis(100)).await;
    stop(application, &scenario).await?;
    expect_back(&scenario, &before).await
}

/// A run on the way to the swap, with all triggers muted.
fn before_the_swap(scenario: &Scenario) -> String {
    format!("LOCK TABLES `{0}`.`Item` WRITE, `{0}`.`Item__rpk_new` WRITE", scenario.schema)
}

/// Names and bodies of the triggers on a table.
async fn bodies(scenario: &Scenario, table: &str) -> Result<Vec<(String, String)>> {
    let mut conn = scenario.connect().await?;
    let sql = "SELECT trigger_name, action_statement FROM information_schema.triggers \
               WHERE event_object_schema = DATABASE() AND event_object_table = ? ORDER BY trigger_name";
    let bodies = conn.exec(sql, (table,)).await?;
    conn.disconnect().await?;
    Ok(bodies)
}

/// Whoever makes a trigger anew finds its name free, and is not overruled.
async fn made_again_while_muted(server: Server) -> Result<()> {
    let scenario = items(&server, "keyed").await?;
    let before = bodies(&scenario, "Item").await?;
    let again = format!(
        "CREATE TRIGGER `{0}`.`u_after` AFTER UPDATE ON `{0}`.`Item` FOR EACH ROW SET @again = 1",
        scenario.schema
    );
    let way = Intercept::start(&server, &[&before_the_swap(&scenario)], Then::First(again)).await?;
    let failed = on_way(&scenario, &way)?.run().await?.expect_code(11)?;
    ensure!(way.has_met(), "{:#?}", way.statements());
    let said = failed.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(said.contains("u_after") && said.contains("under names of replank's"), "{said}");
    scenario.replank("abort", "Item").succeed().await?;
    let after = bodies(&scenario, "Item").await?;
    let expected = before.into_iter().map(|(name, body)| match name.as_str() {
        "u_after" => (name, "SET @again = 1".to_owned()),
        _ => (name, body),
    });
    let expected: Vec<_> = expected.collect();
    ensure!(after == expected, "{after:#?}");
    Ok(())
}

async fn table_renamed_while_muted(server: Server) -> Result<()> {
    let scenario = items(&server, "keyed").await?;
    let before = bodies(&scenario, "Item").await?;
    let mut way = Intercept::start(&server, &[&before_the_swap(&scenario)], Then::Hold).await?;
    let mut run = on_way(&scenario, &way)?.start()?;
    let met = tokio::time::timeout(Duration::from_secs(60), way.met()).await;
    run.kill();
    run.finish().await?;
    met??;
    ensure!(bodies(&scenario, "Item").await? != before, "nothing is muted");
    scenario.execute("RENAME TABLE `Item` TO `Things`").await?;
    scenario.replank("abort", "Item").succeed().await?;
    let after = bodies(&scenario, "Things").await?;
    ensure!(after == before, "{after:#?}");
    Ok(())
}

/// A body that is cut off another statement of its packet, a label, a comment behind the end, words of ANSI_QUOTES.
async fn texts_of_every_kind(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "keyed", &[OWNER, ITEM, DETAIL, AUDIT]).await?;
    scenario.seed("Owner", "id, items", "n, 0", OWNERS).await?;
    scenario.seed("Item", "token, total, ownerId", "CONCAT('seed ', n), n, n % 8", 50).await?;
    let mut conn = scenario.connect().await?;
    for sql in [
        "CREATE TRIGGER `packet` BEFORE INSERT ON `Item` FOR EACH ROW SET NEW.`total` = ABS(NEW.`total`); SET @a = 1",
        "CREATE TRIGGER `labelled` BEFORE UPDATE ON `Item` FOR EACH ROW \
         whole: BEGIN IF NEW.`total` > 0 THEN LEAVE whole; END IF; SET NEW.`total` = 1; END whole",
        "CREATE TRIGGER `commented` AFTER DELETE ON `Item` FOR EACH ROW SET @b = 1 -- the end",
        "SET sql_mode = 'ANSI_QUOTES'",
        "CREATE TRIGGER \"quoted\" AFTER UPDATE ON \"Item\" FOR EACH ROW SET @c = NEW.\"total\"",
    ] {
        conn.query_drop(sql).await?;
    }
    conn.disconnect().await?;
    // MySQL keeps the semicolon behind a body that the next statement of a packet followed.
    let bare = |all: Vec<String>| all.into_iter().map(|text| text.trim_end_matches(';').to_owned()).collect::<Vec<_>>();
    let before = bare(described(&scenario).await?);
    alter(&scenario).succeed().await?;
    scenario.replank("rollback", "Item").args(["--yes"]).succeed().await?;
    let after = bare(described(&scenario).await?);
    ensure!(after == before, "{after:#?}");
    Ok(())
}

async fn name_of_a_double_taken(server: Server) -> Result<()> {
    let scenario = items(&server, "keyed").await?;
    scenario.execute("CREATE TRIGGER `Item__rpk_mute1` BEFORE INSERT ON `Audit` FOR EACH ROW SET @a = 1").await?;
    let before = [bodies(&scenario, "Item").await?, bodies(&scenario, "Audit").await?];
    let refused = alter(&scenario).run().await?.expect_code(11)?;
    let said = refused.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(said.contains("Item__rpk_mute1"), "{said}");
    let after = [bodies(&scenario, "Item").await?, bodies(&scenario, "Audit").await?];
    ensure!(after == before, "{after:#?}");
    Ok(())
}
