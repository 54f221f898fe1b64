//! What hangs on a table and cannot follow a copy yet, and tables that are of the wrong kind.

use anyhow::Result;
use mysql_async::prelude::Queryable;

use crate::support::{Scenario, Server, on_every_server};
use crate::{ORDER, alter, rebuild, refused, shop};

on_every_server!(
    foreign_keys_of_other_types,
    index_under_a_foreign_key,
    cascade_within_the_table,
    trigger_on_a_column_that_goes,
    trigger_in_another_encoding,
    trigger_under_another_collation,
    other_engine,
);

const LINE: &str = "CREATE TABLE `Line` (`id` INTEGER NOT NULL, `orderId` INTEGER NOT NULL, PRIMARY KEY (`id`),
    INDEX `Line_orderId_idx`(`orderId`),
    CONSTRAINT `Line_orderId_fkey` FOREIGN KEY (`orderId`) REFERENCES `Order`(`id`) ON UPDATE CASCADE)";

async fn foreign_keys_of_other_types(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "child", &[ORDER, LINE]).await?;
    assert_text!(refused(&scenario, alter(&scenario, "Line", "MODIFY `orderId` BIGINT NOT NULL")).await?, @r"
    exit code 10
    error: the change gives column `orderId` a type that the other side of the foreign key `Line_orderId_fkey` has not
      table: untouched
      next:  drop the foreign key first, change the columns on both sides, and add it again
    ");
    assert_text!(refused(&scenario, alter(&scenario, "Order", "MODIFY `id` BIGINT NOT NULL AUTO_INCREMENT")).await?, @r"
    exit code 10
    error: the change gives column `id` a type that the other side of the foreign key `Line_orderId_fkey` has not
      table: untouched
      next:  drop the foreign key first, change the columns on both sides, and add it again
    ");
    Ok(())
}

async fn index_under_a_foreign_key(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "index", &[ORDER, LINE]).await?;
    let clauses = "DROP INDEX `Line_orderId_idx`, FORCE";
    assert_text!(refused(&scenario, alter(&scenario, "Line", clauses)).await?, @r"
    exit code 10
    error: the change leaves the foreign key `Line_orderId_fkey` without an index that begins with its columns
      table: untouched
      next:  keep the index, or add another one in the same change
    ");
    Ok(())
}

async fn cascade_within_the_table(server: Server) -> Result<()> {
    let ddl = "CREATE TABLE `Folder` (`id` INTEGER NOT NULL, `parentId` INTEGER NULL, PRIMARY KEY (`id`),
        CONSTRAINT `Folder_parentId_fkey` FOREIGN KEY (`parentId`) REFERENCES `Folder`(`id`) ON DELETE CASCADE)";
    let scenario = Scenario::new(&server, "folder", &[ddl]).await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Folder")).await?, @r"
    exit code 10
    error: cascades come back to `shop`.`Folder` over the foreign key `Folder_parentId_fkey` of `shop`.`Folder`, and such rows cannot be followed online yet
      table: untouched
      next:  run the change in a maintenance window, or let that foreign key RESTRICT meanwhile
    ");
    Ok(())
}

async fn trigger_on_a_column_that_goes(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let trigger = "CREATE TRIGGER `no_debt` BEFORE UPDATE ON `Order` FOR EACH ROW \
                   SET NEW.`total` = IF(OLD.`Total` < 0, 0, NEW.`total`)";
    scenario.execute(trigger).await?;
    let program = alter(&scenario, "Order", "RENAME COLUMN `total` TO `sum`").args(["--force-copy"]);
    assert_text!(refused(&scenario, program).await?, @r"
    exit code 10
    error: the trigger `no_debt` of `shop`.`Order` names the column `total`, which the table will not have
      table: untouched
      next:  drop the trigger before the change, and make it for the other definition after it
    ");
    Ok(())
}

async fn trigger_in_another_encoding(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let mut conn = scenario.connect().await?;
    conn.query_drop("SET NAMES latin1").await?;
    conn.query_drop(b"CREATE TRIGGER `cafe` AFTER INSERT ON `Order` FOR EACH ROW SET @at = 'caf\xe9'".to_vec()).await?;
    conn.disconnect().await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Order")).await?, @r"
    exit code 10
    error: the trigger `cafe` of `shop`.`Order` has a text that replank cannot send as it was
      table: untouched
      next:  make it anew in a session with `SET NAMES utf8mb4`
    ");
    Ok(())
}

async fn trigger_under_another_collation(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    scenario.execute("CREATE TRIGGER `noted` AFTER INSERT ON `Order` FOR EACH ROW SET @last = NEW.`id`").await?;
    scenario.execute(&format!("ALTER DATABASE `{}` COLLATE utf8mb4_bin", scenario.schema)).await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Order")).await?, @r"
    exit code 10
    error: the trigger `noted` of `shop`.`Order` was made when the database had the collation utf8mb4_unicode_ci; made again, it would have utf8mb4_bin
      table: untouched
      next:  make it anew, or give the database that collation with ALTER DATABASE
    ");
    Ok(())
}

async fn other_engine(server: Server) -> Result<()> {
    let ddl = "CREATE TABLE `Log` (`id` INTEGER NOT NULL, PRIMARY KEY (`id`)) ENGINE=MyISAM";
    let scenario = Scenario::new(&server, "myisam", &[ddl]).await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Log")).await?, @r"
    exit code 10
    error: `shop`.`Log` is a MyISAM table; only InnoDB tables can be copied online
      table: untouched
      next:  `ALTER TABLE … ENGINE=InnoDB` in a maintenance window comes first
    ");
    Ok(())
}
