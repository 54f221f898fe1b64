//! Changes of tables with foreign keys that are taken back while the application writes parents and children.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;

use crate::intercept::{Intercept, Then};
use crate::support::load::Record;
use crate::support::{Outcome, Program, Scenario, Server, on_every_server, oracle, residue};
use crate::{PAUSE, expect_like_plain_sql, expect_unharmed, report, shop};

on_every_server!(
    each_in_turn,
    table_in_the_middle,
    key_that_the_change_dropped,
    one_of_two_cascades_dropped,
    shorter_index_added,
    changes_that_follow_each_other,
    child_that_came_since,
    keys_that_came_since,
    killed_before_the_rename,
    #[ignore = "for changes of what moves the keys"]
    killed_before_a_child_is_re_pointed,
    killed_before_the_names_of_its_own,
);

/// The application and who watches it.
struct Shop {
    scenario: Scenario,
    application: shop::Application,
    stop: Arc<AtomicBool>,
    orphans: JoinHandle<Result<u64>>,
}

impl Shop {
    async fn open(server: &Server, topic: &str) -> Result<Shop> {
        let (scenario, models) = shop::scenario(server, topic).await?;
        let application = shop::Application::start(&scenario, models, PAUSE).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let orphans = tokio::spawn(shop::watch_orphans(scenario.connect().await?, Arc::clone(&stop)));
        Ok(Shop { scenario, application, stop, orphans })
    }

    async fn change(&self, table: &str, clauses: &str, name: &str) -> Result<Outcome> {
        self.scenario.alter(table, clauses, name).args(["--force-copy"]).succeed().await
    }

    async fn roll_back(&self, table: &str) -> Result<Outcome> {
        self.scenario.replank("rollback", table).args(["--yes"]).succeed().await
    }

    /// Lets the application end, and compares the tables with what it was told.
    async fn close(self) -> Result<(Scenario, Record)> {
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.stop.store(true, Ordering::Relaxed);
        let looks = self.orphans.await??;
        ensure!(looks > 10, "only {looks} snapshots were looked at");
        let (models, record) = self.application.stop().await?;
        shop::expect_contents(&mut self.scenario.connect().await?, &models).await?;
        Ok((self.scenario, record))
    }
}

async fn expect_as_it_was(scenario: &Scenario, tables: &[&str]) -> Result<()> {
    expect_like_plain_sql(scenario, "Order", "COMMENT = ''").await?;
    for table in tables {
        scenario.replank("cleanup", table).succeed().await?;
    }
    residue::expect_nothing_left(scenario, &shop::TABLES).await
}

/// A parent, a child of a cascade and a table that references itself are changed, and taken back in the other order.
async fn each_in_turn(server: Server) -> Result<()> {
    let shop = Shop::open(&server, "fk_turns").await?;
    let tree = "CREATE TABLE `Tree` (`id` INTEGER NOT NULL, `aboveId` INTEGER NULL, PRIMARY KEY (`id`), \
                CONSTRAINT `Tree_aboveId_fkey` FOREIGN KEY (`aboveId`) REFERENCES `Tree`(`id`) ON DELETE SET NULL)";
    shop.scenario.execute(tree).await?;
    shop.scenario.execute("INSERT INTO `Tree` VALUES (1, NULL), (2, 1), (3, 2)").await?;
    let mut outcomes = vec![
        shop.change("User", "ADD COLUMN `email` VARCHAR(80) NULL", "first").await?,
        shop.change("Line", "MODIFY `note` VARCHAR(80) NOT NULL, ADD COLUMN `more` INTEGER NULL", "second").await?,
        shop.change("Tree", "ADD COLUMN `depth` INTEGER NOT NULL DEFAULT 0", "third").await?,
    ];
    shop.scenario.execute("INSERT INTO `Tree` (`id`, `aboveId`) VALUES (4, 3)").await?;
    shop.scenario.execute("DELETE FROM `Tree` WHERE `id` = 1").await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for table in ["Tree", "Line", "User"] {
        outcomes.push(shop.roll_back(table).await?);
    }
    let (scenario, record) = shop.close().await?;
    outcomes.iter().for_each(|outcome| report(outcome, &record));
    expect_unharmed(&record, &outcomes.iter().collect::<Vec<_>>())?;
    let mut conn = scenario.connect().await?;
    let found: Vec<(i64, Option<i64>)> = conn.query("SELECT * FROM `Tree` ORDER BY `id`").await?;
    ensure!(found == [(2, None), (3, Some(2)), (4, Some(3))], "the tree is {found:?}");
    let definition = residue::definition(&mut conn, "`Tree`").await?;
    ensure!(
        definition.contains("CONSTRAINT `Tree_aboveId_fkey` FOREIGN KEY (`aboveId`) REFERENCES `Tree` (`id`)"),
        "it is {definition}"
    );
    scenario.replank("cleanup", "Tree").succeed().await?;
    scenario.execute("DROP TABLE `Tree`").await?;
    expect_as_it_was(&scenario, &["Line", "User"]).await
}

/// Parent of three, child of one, and its own.
async fn table_in_the_middle(server: Server) -> Result<()> {
    let shop = Shop::open(&server, "fk_back").await?;
    let clauses = "ADD COLUMN `priority` INTEGER NOT NULL DEFAULT 0, ADD INDEX `Order_note_idx`(`note`)";
    let there = shop.change("Order", clauses, "change").await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let back = shop.roll_back("Order").await?;
    let (scenario, record) = shop.close().await?;
    report(&back, &record);
    expect_unharmed(&record, &[&there, &back])?;
    expect_as_it_was(&scenario, &["Order"]).await
}

/// Rows without a parent that were written meanwhile stop it before the swap, and are named.
async fn key_that_the_change_dropped(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "fk_dropped", &shop::DDL).await?;
    for sql in [
        "INSERT INTO `User` VALUES (1, 'a'), (2, 'b')",
        "INSERT INTO `Order` VALUES (1, 1, 'x', NULL), (2, 2, 'y', 1)",
        "INSERT INTO `Line` VALUES (1, 1, 'x')",
    ] {
        scenario.execute(sql).await?;
    }
    let clauses = "DROP FOREIGN KEY `Order_userId_fkey`, ADD COLUMN `priority` INTEGER NULL";
    scenario.alter("Order", clauses, "change").args(["--force-copy"]).succeed().await?;
    scenario.execute("INSERT INTO `Order` VALUES (3, 7, 'no such user', 2, NULL)").await?;
    let refused = scenario.replank("rollback", "Order").args(["--yes"]).run().await?.expect_code(10)?;
    let told = refused.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    for words in ["rows of `Order` reference no row of `User` (foreign key `Order_userId_fkey`): id = 3", "resume"] {
        ensure!(told.contains(words), "it does not say `{words}`: {told}");
    }
    scenario.execute("INSERT INTO `User` VALUES (7, 'c')").await?;
    scenario.replank("resume", "Order").succeed().await?;
    expect_as_it_was(&scenario, &["Order"]).await
}

/// The triggers of what is left log as before, though they are counted in another way.
async fn one_of_two_cascades_dropped(server: Server) -> Result<()> {
    let cascade = "ON DELETE CASCADE ON UPDATE CASCADE";
    let ddl = [
        "CREATE TABLE `Account` (`id` INTEGER NOT NULL PRIMARY KEY)".to_owned(),
        "CREATE TABLE `Shop` (`id` INTEGER NOT NULL PRIMARY KEY)".to_owned(),
        format!(
            "CREATE TABLE `Visit` (`id` INTEGER NOT NULL, `accountId` INTEGER NOT NULL, `shopId` INTEGER NOT NULL, \
             `otherId` INTEGER NOT NULL, PRIMARY KEY (`id`), INDEX `a`(`accountId`), INDEX `s`(`shopId`), \
             INDEX `o`(`otherId`), \
             CONSTRAINT `Visit_a` FOREIGN KEY (`accountId`) REFERENCES `Account`(`id`) {cascade}, \
             CONSTRAINT `Visit_o` FOREIGN KEY (`otherId`) REFERENCES `Shop`(`id`) {cascade}, \
             CONSTRAINT `Visit_s` FOREIGN KEY (`shopId`) REFERENCES `Shop`(`id`) {cascade})"
        ),
    ];
    let ddl: Vec<&str> = ddl.iter().map(String::as_str).collect();
    let scenario = Scenario::new(&server, "fk_two", &ddl).await?;
    for sql in [
        "INSERT INTO `Account` VALUES (1), (2)",
        "INSERT INTO `Shop` VALUES (1), (2), (3)",
        "INSERT INTO `Visit` VALUES (1, 1, 1, 2), (2, 2, 2, 2), (3, 2, 3, 3)",
    ] {
        scenario.execute(sql).await?;
    }
    let mut conn = scenario.connect().await?;
    let before = residue::definition(&mut conn, "`Visit`").await?;
    let clauses = "DROP FOREIGN KEY `Visit_a`, DROP FOREIGN KEY `Visit_o`, ADD COLUMN `more` INTEGER NULL";
    scenario.alter("Visit", clauses, "change").args(["--force-copy"]).succeed().await?;
    scenario.execute("UPDATE `Shop` SET `id` = 7 WHERE `id` = 1").await?;
    scenario.execute("DELETE FROM `Shop` WHERE `id` = 3").await?;
    scenario.replank("rollback", "Visit").args(["--yes"]).succeed().await?;
    let rows: Vec<(i64, i64, i64, i64)> = conn.query("SELECT * FROM `Visit` ORDER BY `id`").await?;
    ensure!(rows == [(1, 1, 7, 2), (2, 2, 2, 2)], "the rows are {rows:?}");
    let after = residue::definition(&mut conn, "`Visit`").await?;
    ensure!(after == before, "{before}\nbecame\n{after}");
    scenario.replank("cleanup", "Visit").succeed().await?;
    residue::expect_nothing_left(&scenario, &["Account", "Shop", "Visit"]).await
}

/// Cascades are followed by the index that both tables have.
async fn shorter_index_added(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "fk_index", &shop::DDL).await?;
    scenario
        .execute("ALTER TABLE `Line` ADD INDEX `Line_wide`(`orderId`, `note`), DROP INDEX `Line_orderId_idx`")
        .await?;
    let before = residue::definition(&mut scenario.connect().await?, "`Line`").await?;
    let clauses = "ADD INDEX `Line_short`(`orderId`), ADD COLUMN `more` INTEGER NULL";
    scenario.alter("Line", clauses, "change").args(["--force-copy"]).succeed().await?;
    scenario.replank("rollback", "Line").args(["--yes"]).succeed().await?;
    let after = residue::definition(&mut scenario.connect().await?, "`Line`").await?;
    ensure!(after == before, "{before}\nbecame\n{after}");
    scenario.replank("cleanup", "Line").succeed().await?;
    residue::expect_nothing_left(&scenario, &shop::TABLES).await
}

/// What the one keeps is in the way of the other, and it is said whose it is.
async fn changes_that_follow_each_other(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "fk_order", &shop::DDL).await?;
    for (table, name) in [("User", "first"), ("Order", "second")] {
        scenario.alter(table, "COMMENT = 'changed'", name).args(["--force-copy"]).succeed().await?;
    }
    let refused = scenario.replank("rollback", "User").args(["--yes"]).run().await?.expect_code(11)?;
    let told = refused.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    for words in ["is kept, and cascades of", "`replank rollback", ".Order` takes that change back"] {
        ensure!(told.contains(words), "it does not say `{words}`: {told}");
    }
    scenario.replank("rollback", "Order").args(["--yes"]).succeed().await?;
    scenario.replank("rollback", "User").args(["--yes"]).succeed().await?;
    // And there again.
    scenario.replank("cleanup", "Order").succeed().await?;
    scenario.alter("Order", "COMMENT = 'again'", "again").args(["--force-copy", "--drop-old"]).succeed().await?;
    scenario.execute("ALTER TABLE `Order` COMMENT = ''").await?;
    expect_as_it_was(&scenario, &["User"]).await
}

async fn child_that_came_since(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "fk_new_child", &shop::DDL).await?;
    scenario.execute("INSERT INTO `User` VALUES (1, 'a')").await?;
    let name = "MODIFY `name` VARCHAR(90) NOT NULL";
    scenario.alter("User", name, "change").args(["--force-copy"]).succeed().await?;
    let child = "CREATE TABLE `Login` (`userId` INTEGER NOT NULL PRIMARY KEY, CONSTRAINT `Login_userId_fkey` \
                 FOREIGN KEY (`userId`) REFERENCES `User`(`id`) ON DELETE CASCADE ON UPDATE CASCADE)";
    scenario.execute(child).await?;
    scenario.execute("INSERT INTO `Login` VALUES (1)").await?;
    scenario.replank("rollback", "User").args(["--yes"]).succeed().await?;
    let mut conn = scenario.connect().await?;
    let definition = residue::definition(&mut conn, "`Login`").await?;
    ensure!(definition.contains("CONSTRAINT `Login_userId_fkey` FOREIGN KEY (`userId`) REFERENCES `User` (`id`)"));
    scenario.execute("UPDATE `User` SET `id` = 5").await?;
    scenario.execute("DELETE FROM `User`").await?;
    let left: Option<u64> = conn.query_first("SELECT COUNT(*) FROM `Login`").await?;
    ensure!(left == Some(0), "{left:?} logins are left");
    scenario.execute("DROP TABLE `Login`").await?;
    expect_as_it_was(&scenario, &["User"]).await
}

/// What was not logged cannot be taken back: said before anything is touched.
async fn keys_that_came_since(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "fk_since", &shop::DDL).await?;
    let clauses = "MODIFY `note` VARCHAR(80) NOT NULL";
    scenario.alter("Line", clauses, "change").args(["--force-copy"]).succeed().await?;
    let refused = async |code, words: &str| -> Result<()> {
        let refused = scenario.replank("rollback", "Line").args(["--yes"]).run().await?.expect_code(code)?;
        let told = refused.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
        ensure!(told.contains(words), "it does not say `{words}`: {told}");
        Ok(())
    };
    scenario.execute("ALTER TABLE `User` ADD COLUMN `aboveId` INTEGER NULL").await?;
    let cascade =
        "ADD CONSTRAINT `User_aboveId_fkey` FOREIGN KEY (`aboveId`) REFERENCES `Payment`(`id`) ON DELETE CASCADE";
    scenario.execute(&format!("ALTER TABLE `User` {cascade}")).await?;
    refused(10, "cannot be rolled back: foreign keys behind").await?;
    scenario.execute("ALTER TABLE `User` DROP FOREIGN KEY `User_aboveId_fkey`").await?;
    scenario.execute("ALTER TABLE `Line` DROP FOREIGN KEY `Line_orderId_fkey`").await?;
    refused(11, "the foreign key `Line_orderId_fkey` came or went").await
}

async fn killed_before_the_rename(server: Server) -> Result<()> {
    let statement = |schema: &str| format!("RENAME TABLE `{schema}`.`Order` TO");
    killed_at(&server, statement, "resume").await?;
    killed_at(&server, statement, "abort").await
}

async fn killed_before_a_child_is_re_pointed(server: Server) -> Result<()> {
    let statement = |schema: &str| format!("ALTER TABLE `{schema}`.`Payment` ADD CONSTRAINT `Payment_orderId_fkey__");
    killed_at(&server, statement, "resume").await
}

async fn killed_before_the_names_of_its_own(server: Server) -> Result<()> {
    killed_at(&server, |schema| format!("ALTER TABLE `{schema}`.`Order` ADD CONSTRAINT"), "resume").await
}

async fn killed_at(server: &Server, statement: impl Fn(&str) -> String, then: &str) -> Result<()> {
    const CLAUSES: &str = "ADD COLUMN `priority` INTEGER NOT NULL DEFAULT 0";
    let shop = Shop::open(server, "fk_back_kill").await?;
    shop.change("Order", CLAUSES, "change").await?;
    let mut way = Intercept::start(server, &[&statement(&shop.scenario.schema)], Then::Hold).await?;
    let (target, url) = (format!("{}.Order", shop.scenario.schema), way.url(&shop.scenario)?);
    let words = ["rollback", &target, "--yes", "--url", &url, "--output", "json"];
    let mut run = Program::new(shop.scenario.project()).args(words).start()?;
    let met = tokio::time::timeout(Duration::from_secs(150), way.met()).await;
    run.kill();
    let killed = run.finish().await?;
    let last = way.statements().iter().rev().take(20).cloned().collect::<Vec<_>>();
    ensure!(met.is_ok(), "it never came to its statement: {last:#?}\n{}", killed.stderr);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let over = shop.scenario.replank(then, "Order").succeed().await?;
    let (scenario, record) = shop.close().await?;
    oracle::expect_none(&record.unretryable(), &[&killed, &over])?;
    if then == "abort" {
        expect_like_plain_sql(&scenario, "Order", CLAUSES).await?;
        // It is followed as before, so it can still go back.
        scenario.replank("rollback", "Order").args(["--yes"]).succeed().await?;
    }
    expect_as_it_was(&scenario, &["Order"]).await
}
