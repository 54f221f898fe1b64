//! What becomes of single rows and values on the way back.

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;

use crate::support::{Scenario, Server, on_every_server, residue};
use crate::{expect_words, failure};

on_every_server!(
    dropped_columns_keep_their_values,
    values_that_do_not_fit_are_named,
    rounded_values_stay,
    moments_of_an_hour_that_comes_twice_stay,
    triggers_come_along
);

const ITEM: &str = "CREATE TABLE `Item` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `title` VARCHAR(20) NOT NULL,
    `colour` VARCHAR(20) NULL DEFAULT 'grey',
    `size` INTEGER NOT NULL,
    `amount` INTEGER NOT NULL DEFAULT 1,
    `kind` ENUM('a', 'b') NOT NULL DEFAULT 'a',
    `note` VARCHAR(20) NOT NULL DEFAULT '',
    `at` DATETIME(3) NOT NULL DEFAULT '2026-01-02 03:04:05.678',
    UNIQUE INDEX `Item_title_key`(`title`),
    PRIMARY KEY (`id`),
    CHECK (`amount` >= 0)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

async fn items(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "rows", &[ITEM]).await?;
    let columns = "id, title, colour, size, amount";
    scenario.seed("Item", columns, "n + 1, CONCAT('t', n + 1), CONCAT('c', n + 1), n + 1, n", 10).await?;
    Ok(scenario)
}

async fn alter(scenario: &Scenario, clauses: &str) -> Result<()> {
    scenario.alter("Item", clauses, "change").args(["--force-copy"]).succeed().await?;
    Ok(())
}

type Row = (u32, String, Option<String>, i32, i32);

async fn dropped_columns_keep_their_values(server: Server) -> Result<()> {
    let scenario = items(&server).await?;
    alter(&scenario, "DROP COLUMN `colour`, DROP COLUMN `size`, ADD COLUMN `extra` INTEGER NULL").await?;
    for sql in [
        "UPDATE `Item` SET `amount` = 100, `extra` = 7 WHERE `id` = 1",
        "DELETE FROM `Item` WHERE `id` = 2",
        "INSERT INTO `Item` (`id`, `title`) VALUES (50, 'new')",
        // A unique value that changes places: no order of single rows applies it.
        "UPDATE `Item` SET `title` = 'x' WHERE `id` = 3",
        "UPDATE `Item` SET `title` = 't3' WHERE `id` = 4",
        "UPDATE `Item` SET `title` = 't4' WHERE `id` = 3",
        "UPDATE `Item` SET `id` = 60 WHERE `id` = 5",
        "DELETE FROM `Item` WHERE `id` = 6",
        "INSERT INTO `Item` (`id`, `title`) VALUES (6, 't6')",
    ] {
        scenario.execute(sql).await?;
    }
    let refused = scenario.replank("rollback", "Item").run().await?.expect_code(10)?;
    let yes = format!("`replank rollback {}.Item --yes`", scenario.schema);
    let words = ["column `extra`, which only the new table has", "rows inserted since get 0", &yes];
    expect_words(&failure(&refused)?, &words)?;
    let told = scenario.replank("rollback", "Item").args(["--yes"]).succeed().await?;
    let notices: String = told.events("notice").map(|seen| seen.event["text"].to_string()).collect();
    expect_words(&notices, &["get the default of column `colour`", "is pending"])?;
    let rows: Vec<Row> = scenario
        .connect()
        .await?
        .query("SELECT `id`, `title`, `colour`, `size`, `amount` FROM `Item` WHERE `id` NOT BETWEEN 7 AND 10 ORDER BY `id`")
        .await?;
    let row = |id: u32, title: &str, colour: &str, size, amount| -> Row {
        (id, title.to_owned(), Some(colour.to_owned()), size, amount)
    };
    let expected = [
        row(1, "t1", "c1", 1, 100),
        row(3, "t4", "c3", 3, 2),
        row(4, "t3", "c4", 4, 3),
        // Deleted and inserted again: whether these are the old row's values nobody can say, and they are kept.
        row(6, "t6", "c6", 6, 1),
        row(50, "new", "grey", 0, 1),
        row(60, "t5", "grey", 0, 4),
    ];
    ensure!(rows == expected, "{rows:?}");
    let seen: Option<u32> = scenario.connect().await?.query_first("SELECT COUNT(*) FROM `Item`").await?;
    ensure!(seen == Some(10), "{seen:?} rows");
    Ok(())
}

/// The clocks of the servers show 2024-10-27 02:30 twice; a DATETIME does not know which it was, and nobody has written it.
async fn moments_of_an_hour_that_comes_twice_stay(server: Server) -> Result<()> {
    let ddl = "CREATE TABLE `Item` (`id` INTEGER NOT NULL PRIMARY KEY, `at` TIMESTAMP NOT NULL)";
    let scenario = Scenario::new(&server, "twice", &[ddl]).await?;
    let mut utc = scenario.connect().await?;
    utc.query_drop("SET time_zone = '+00:00'").await?;
    let moments = "INSERT INTO `Item` VALUES (1, '2024-10-27 00:30:00'), (2, '2024-10-27 01:30:00'), \
                   (3, '2024-10-27 01:30:00')";
    utc.query_drop(moments).await?;
    let sql = "SELECT UNIX_TIMESTAMP(`at`) FROM `Item` ORDER BY `id`";
    let before: Vec<u64> = utc.query(sql).await?;
    ensure!(before == [1_729_989_000, 1_729_992_600, 1_729_992_600], "{before:?}");
    alter(&scenario, "MODIFY `at` DATETIME NOT NULL").await?;
    let shown: Vec<String> =
        scenario.connect().await?.query("SELECT CAST(`at` AS CHAR) FROM `Item` ORDER BY `id`").await?;
    ensure!(shown == ["2024-10-27 02:30:00"; 3], "{shown:?}");
    scenario.execute("UPDATE `Item` SET `at` = '2024-10-27 12:00:00' WHERE `id` = 3").await?;
    scenario.replank("rollback", "Item").args(["--yes"]).succeed().await?;
    let moments: Vec<u64> = utc.query(sql).await?;
    ensure!(moments == [1_729_989_000, 1_729_992_600, 1_730_026_800], "{moments:?}");
    Ok(())
}

async fn values_that_do_not_fit_are_named(server: Server) -> Result<()> {
    let scenario = items(&server).await?;
    let clauses = "MODIFY `amount` BIGINT NOT NULL DEFAULT 1, MODIFY `kind` ENUM('a', 'b', 'c') NOT NULL DEFAULT 'a', \
                   MODIFY `note` VARCHAR(40) NULL, DROP INDEX `Item_title_key`";
    let before = residue::definition(&mut scenario.connect().await?, "`Item`").await?;
    alter(&scenario, clauses).await?;
    for (damage, repair, words) in [
        (
            "UPDATE `Item` SET `amount` = 3000000000 WHERE `id` IN (2, 3)",
            "UPDATE `Item` SET `amount` = 3 WHERE `id` IN (2, 3)",
            [
                "2 rows",
                "`amount` does not fit int",
                "id = 2; id = 3",
                "WHERE `amount` < -2147483648 OR `amount` > 2147483647",
            ],
        ),
        (
            "UPDATE `Item` SET `kind` = 'c' WHERE `id` = 4",
            "UPDATE `Item` SET `kind` = 'b' WHERE `id` = 4",
            [
                "a row",
                "`kind` has a value that the old column does not have",
                "id = 4",
                "WHERE `kind` NOT IN ('a', 'b')",
            ],
        ),
        (
            "UPDATE `Item` SET `note` = NULL WHERE `id` = 5",
            "UPDATE `Item` SET `note` = '' WHERE `id` = 5",
            ["a row", "`note` is NULL", "id = 5", "WHERE `note` IS NULL"],
        ),
        (
            "UPDATE `Item` SET `note` = REPEAT('ä', 21) WHERE `id` = 5",
            "UPDATE `Item` SET `note` = '' WHERE `id` = 5",
            ["a row", "`note` does not fit varchar(20)", "id = 5", "CHAR_LENGTH(`note`) > 20"],
        ),
        (
            "UPDATE `Item` SET `title` = 't1' WHERE `id` IN (8, 9)",
            "UPDATE `Item` SET `title` = CONCAT('t', `id`) WHERE `id` IN (8, 9)",
            ["have the same values of (`title`)", "Item_title_key", "t1", "HAVING COUNT(*) > 1"],
        ),
    ] {
        scenario.execute(damage).await?;
        let refused = scenario.replank("rollback", "Item").run().await?.expect_code(10)?;
        expect_words(&failure(&refused)?, &words)?;
        let status = scenario.replank("status", "Item").succeed().await?;
        ensure!(status.stdout.contains("\"finished\""), "a run was begun: {}", status.stdout);
        scenario.execute(repair).await?;
    }
    scenario.replank("rollback", "Item").succeed().await?;
    let after = residue::definition(&mut scenario.connect().await?, "`Item`").await?;
    ensure!(after == before, "the table is\n{after}\ninstead of\n{before}");
    let amount: Option<i32> = scenario.connect().await?.query_first("SELECT SUM(`amount`) FROM `Item`").await?;
    ensure!(amount == Some(48), "{amount:?}");
    Ok(())
}

/// A change that rounds has not rounded the old table, and the way back does not do it either.
async fn rounded_values_stay(server: Server) -> Result<()> {
    let scenario = items(&server).await?;
    alter(&scenario, "MODIFY `at` DATETIME NOT NULL DEFAULT '2026-01-02 03:04:05'").await?;
    scenario.execute("UPDATE `Item` SET `at` = '2026-05-05 05:05:05' WHERE `id` = 1").await?;
    let gone_back = scenario.replank("rollback", "Item").succeed().await?;
    ensure!(gone_back.events("rows_repaired").next().is_none(), "rows were written over");
    let rows: Vec<(String, u32)> = scenario
        .connect()
        .await?
        .query("SELECT CAST(`at` AS CHAR), COUNT(*) FROM `Item` GROUP BY 1 ORDER BY 1")
        .await?;
    ensure!(rows == [("2026-01-02 03:04:05.678".to_owned(), 9), ("2026-05-05 05:05:05.000".to_owned(), 1)], "{rows:?}");
    Ok(())
}

/// A trigger of the application fires once for each write of its own, never for what replank writes, and ends as it was.
async fn triggers_come_along(server: Server) -> Result<()> {
    let audit = "CREATE TABLE `Audit` (`n` INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY, `id` INTEGER, `amount` BIGINT)";
    let scenario = Scenario::new(&server, "audited", &[ITEM, audit]).await?;
    scenario.seed("Item", "id, title, size", "n + 1, CONCAT('t', n + 1), 1", 10).await?;
    let trigger = "CREATE TRIGGER `audited` AFTER UPDATE ON `Item` FOR EACH ROW \
                   INSERT INTO `Audit` (`id`, `amount`) VALUES (NEW.`id`, NEW.`amount`)";
    scenario.execute(trigger).await?;
    let shown = async || -> Result<String> {
        let row: Option<mysql_async::Row> =
            scenario.connect().await?.query_first("SHOW CREATE TRIGGER `audited`").await?;
        Ok(row.and_then(|row| row.get::<String, _>(2)).unwrap_or_default())
    };
    let before = shown().await?;
    alter(&scenario, "MODIFY `amount` BIGINT NOT NULL DEFAULT 1, DROP COLUMN `colour`").await?;
    scenario.execute("UPDATE `Item` SET `amount` = 5 WHERE `id` IN (1, 2)").await?;
    // Held at its lock window, with the triggers staged, and given up.
    let mut holder = scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    holder.query_drop("SELECT `id` FROM `Item` LIMIT 1").await?;
    scenario.replank("rollback", "Item").args(["--lock-patience", "1s"]).run().await?.expect_code(13)?;
    holder.query_drop("ROLLBACK").await?;
    scenario.replank("abort", "Item").succeed().await?;
    scenario.execute("UPDATE `Item` SET `amount` = 6 WHERE `id` = 3").await?;
    scenario.replank("rollback", "Item").succeed().await?;
    scenario.execute("UPDATE `Item` SET `amount` = 7 WHERE `id` = 4").await?;
    let audited: Vec<(i32, i64)> =
        scenario.connect().await?.query("SELECT `id`, `amount` FROM `Audit` ORDER BY `n`").await?;
    ensure!(audited == [(1, 5), (2, 5), (3, 6), (4, 7)], "{audited:?}");
    ensure!(shown().await? == before, "the trigger became {}", shown().await?);
    let own = residue::objects(&mut scenario.connect().await?, &scenario.schema).await?;
    ensure!(own.iter().filter(|object| object.starts_with("trigger")).count() == 1, "{own:?}");
    Ok(())
}
