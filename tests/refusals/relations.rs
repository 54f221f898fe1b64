//! What hangs on a table and cannot follow a copy yet, and tables that are of the wrong kind.

use anyhow::Result;

use crate::support::{Scenario, Server, on_every_server};
use crate::{ORDER, rebuild, refused, shop};

on_every_server!(foreign_keys_of_the_table, foreign_keys_to_the_table, triggers, other_engine);

const LINE: &str = "CREATE TABLE `Line` (`id` INTEGER NOT NULL, `orderId` INTEGER NOT NULL, PRIMARY KEY (`id`),
    CONSTRAINT `Line_orderId_fkey` FOREIGN KEY (`orderId`) REFERENCES `Order`(`id`) ON UPDATE CASCADE)";

async fn foreign_keys_of_the_table(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "child", &[ORDER, LINE]).await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Line")).await?, @r"
    exit code 10
    error: `shop`.`Line` references shop.Order by foreign key `Line_orderId_fkey`; tables with foreign keys are not changed online yet
      table: untouched
      next:  run the change in a maintenance window
    ");
    Ok(())
}

async fn foreign_keys_to_the_table(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "parent", &[ORDER, LINE]).await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Order")).await?, @r"
    exit code 10
    error: shop.Line references `shop`.`Order` by foreign key `Line_orderId_fkey`; tables with foreign keys are not changed online yet
      table: untouched
      next:  run the change in a maintenance window
    ");
    Ok(())
}

async fn triggers(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    scenario
        .execute("CREATE TRIGGER `no_debt` BEFORE INSERT ON `Order` FOR EACH ROW SET NEW.`total` = ABS(NEW.`total`)")
        .await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Order")).await?, @r"
    exit code 10
    error: `shop`.`Order` has 1 trigger (`no_debt`); tables with triggers of their own are not changed online yet
      table: untouched
      next:  `SHOW TRIGGERS FROM `shop`` lists them
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
