//! Clauses that cannot be read, that the server does not take, or that are not done online; and keys to walk.

use anyhow::Result;

use crate::support::{Scenario, Server, on_every_server};
use crate::{alter, rebuild, refused, shop};

on_every_server!(
    unreadable,
    syntax_error,
    unknown_column,
    table_rename,
    partition_truncation,
    required_column_without_default,
    no_key,
    nullable_key,
    float_key,
    last_key_dropped,
);

async fn unreadable(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let clauses = "ADD COLUMN `sku` VARCHAR(64";
    assert_text!(refused(&scenario, alter(&scenario, "Order", clauses)).await?, @r"
    exit code 10
    error: the clauses of `--alter` cannot be read
      table: untouched
      next:  mend `--alter`; in a shell, single quotes around it keep backticks and quotes as they are
      cause: parentheses do not match in `(64`
    ");
    let clauses = "ADD COLUMN `sku` VARCHAR(64); DROP TABLE `Order`";
    assert_text!(refused(&scenario, alter(&scenario, "Order", clauses)).await?, @r"
    exit code 10
    error: the clauses of `--alter` cannot be read
      table: untouched
      next:  mend `--alter`; in a shell, single quotes around it keep backticks and quotes as they are
      cause: only one statement is read, and `DROP TABLE `Order`` follows a semicolon
    ");
    Ok(())
}

async fn syntax_error(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let clauses = "ADD COLUMN `sku` VARCHAR(64) NOT DEFAULT 'x'";
    assert_text!(refused(&scenario, alter(&scenario, "Order", clauses)).await?, @r"
    exit code 10
    error: the server does not take these clauses for `shop`.`Order`
      table: untouched
      next:  mend `--alter`; `--dry-run` tries it without changing anything
      cause: ERROR 1064 (42000): You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near 'DEFAULT 'x'' at line 1
    ");
    Ok(())
}

async fn unknown_column(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let clauses = "MODIFY `totl` BIGINT NOT NULL";
    assert_text!(refused(&scenario, alter(&scenario, "Order", clauses)).await?, @r"
    exit code 10
    error: the server does not take these clauses for `shop`.`Order`
      table: untouched
      next:  mend `--alter`; `--dry-run` tries it without changing anything
      cause: ERROR 1054 (42S22): Unknown column 'totl' in 'Order'
    ");
    Ok(())
}

async fn table_rename(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    assert_text!(refused(&scenario, alter(&scenario, "Order", "RENAME TO `Orders`")).await?, @r"
    exit code 10
    error: `RENAME TO `Orders`` is not done online: renaming the table is not a change of it; run it by itself
      table: untouched
      next:  take the clause out of `--alter`, or run it in a maintenance window
    ");
    Ok(())
}

async fn partition_truncation(server: Server) -> Result<()> {
    let ddl = "CREATE TABLE `Log` (`id` INTEGER NOT NULL, PRIMARY KEY (`id`))
               PARTITION BY RANGE (`id`) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)";
    let scenario = Scenario::new(&server, "parts", &[ddl]).await?;
    assert_text!(refused(&scenario, alter(&scenario, "Log", "TRUNCATE PARTITION p0")).await?, @r"
    exit code 10
    error: `TRUNCATE PARTITION p0` is not done online: it removes rows
      table: untouched
      next:  take the clause out of `--alter`, or run it in a maintenance window
    ");
    Ok(())
}

async fn required_column_without_default(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    // The second clause makes it a copy.
    let clauses = "ADD COLUMN `sku` VARCHAR(64) NOT NULL, MODIFY `total` BIGINT NOT NULL";
    assert_text!(refused(&scenario, alter(&scenario, "Order", clauses)).await?, @r"
    exit code 10
    error: the new column `sku` is NOT NULL and has no default, so existing rows have no value for it
      table: untouched
      next:  give it a DEFAULT, or add it as NULL, fill it, and make it NOT NULL in a second change
    ");
    Ok(())
}

async fn no_key(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "no_key", &["CREATE TABLE `Log` (`line` VARCHAR(191) NOT NULL)"]).await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Log")).await?, @r"
    exit code 10
    error: `shop`.`Log` has no key that a copy can walk
      table: untouched
      next:  give the table a primary key or a unique key on NOT NULL columns, and keep its columns in the change
      cause: the table has no primary key and no unique key, so its rows cannot be told apart
    ");
    Ok(())
}

async fn nullable_key(server: Server) -> Result<()> {
    let ddl = "CREATE TABLE `Log` (`line` INTEGER NULL, UNIQUE INDEX `Log_line_key`(`line`))";
    let scenario = Scenario::new(&server, "nullable", &[ddl]).await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Log")).await?, @r"
    exit code 10
    error: `shop`.`Log` has no key that a copy can walk
      table: untouched
      next:  give the table a primary key or a unique key on NOT NULL columns, and keep its columns in the change
      cause: no unique key of the table can be walked: key `Log_line_key`: column `line` can be NULL
    ");
    Ok(())
}

async fn float_key(server: Server) -> Result<()> {
    let ddl = "CREATE TABLE `Log` (`moment` FLOAT NOT NULL, PRIMARY KEY (`moment`))";
    let scenario = Scenario::new(&server, "float", &[ddl]).await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Log")).await?, @r"
    exit code 10
    error: `shop`.`Log` has no key that a copy can walk
      table: untouched
      next:  give the table a primary key or a unique key on NOT NULL columns, and keep its columns in the change
      cause: no unique key of the table can be walked: key `PRIMARY`: column `moment` is float
    ");
    Ok(())
}

async fn last_key_dropped(server: Server) -> Result<()> {
    let pair = "CREATE TABLE `Pair` (`a` INT NOT NULL, `b` INT NOT NULL, UNIQUE KEY `ab` (`a`, `b`))";
    let scenario = Scenario::new(&server, "refused", &[pair]).await?;
    let clauses = "DROP INDEX `ab`, ADD INDEX `ab`(`a`, `b`)";
    assert_text!(refused(&scenario, alter(&scenario, "Pair", clauses)).await?, @r"
    exit code 10
    error: the change leaves the table without a primary key or a unique key on NOT NULL columns
      table: untouched
      next:  keep the key, or add another one in the same change
    ");
    Ok(())
}
