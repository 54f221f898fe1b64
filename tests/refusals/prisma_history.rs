//! Prisma's side: names, the migrations directory, the ledger.

use std::fs;

use anyhow::Result;

use crate::support::{Scenario, Server, on_every_server};
use crate::{Program, rebuild, refused, shop};

on_every_server!(
    name_of_another_form,
    name_too_long,
    unrecorded_table_of_any_name,
    missing_directory,
    other_provider,
    missing_ledger,
    unfinished_migration,
    failed_migration,
);

fn named(scenario: &Scenario, name: &str) -> Program {
    let target = format!("{}.Order", scenario.schema);
    let words = ["alter", &target, "--alter", "FORCE", "--name", name, "--url", &scenario.url(), "--quiet"];
    Program::new(scenario.project()).args(words)
}

async fn name_of_another_form(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    assert_text!(refused(&scenario, named(&scenario, "addOrderSKU")).await?, @r"
    exit code 2
    error: invalid value 'addOrderSKU' for '--name <NAME>': not of the form that Prisma gives to migrations; pass `add_order_sku`

    For more information, try '--help'.
    ");
    assert_text!(refused(&scenario, named(&scenario, "add order/sku")).await?, @r"
    exit code 2
    error: invalid value 'add order/sku' for '--name <NAME>': not of the form that Prisma gives to migrations; pass `add_order_sku`

    For more information, try '--help'.
    ");
    assert_text!(refused(&scenario, named(&scenario, "!")).await?, @r"
    exit code 2
    error: invalid value '!' for '--name <NAME>': no letter or digit that can be kept; pass a name such as `add_order_sku`

    For more information, try '--help'.
    ");
    Ok(())
}

async fn name_too_long(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    assert_text!(refused(&scenario, named(&scenario, &"word_".repeat(38))).await?, @r"
    exit code 2
    error: invalid value 'word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_' for '--name <NAME>': too long: with its stamp the migration would have 204 bytes, and Prisma takes 200 (P3010); pass `word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word_word`

    For more information, try '--help'.
    ");
    Ok(())
}

/// A change that is not recorded gets a name from its table, whatever that is called.
async fn unrecorded_table_of_any_name(server: Server) -> Result<()> {
    let ddl = format!("CREATE TABLE `{}` (`id` INTEGER NOT NULL PRIMARY KEY)", "__Größe_".repeat(8));
    let scenario = Scenario::new(&server, "any_name", &[&ddl]).await?;
    let target = format!("{}.{}", scenario.schema, "__Größe_".repeat(8));
    let words = ["alter", &target, "--alter", "ADD COLUMN `a` INTEGER NULL", "--no-record", "--url", &scenario.url()];
    Program::new(scenario.project()).args(words).succeed().await?;
    Ok(())
}

async fn missing_directory(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    fs::remove_dir_all(scenario.project().join("prisma"))?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Order")).await?, @r"
    exit code 10
    error: the migrations directory `prisma/migrations` does not exist
      table: untouched
      next:  run from the project's root, or pass `--migrations DIR`
             or pass `--no-record` to change the table without recording a migration
    ");
    Ok(())
}

async fn other_provider(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    fs::write(scenario.migrations().join("migration_lock.toml"), "provider = \"postgresql\"\n")?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Order")).await?, @r"
    exit code 10
    error: the migrations in `prisma/migrations` are not for MySQL or MariaDB
      table: untouched
      next:  pass `--migrations DIR` with the directory of this database's migrations
             or pass `--no-record` to change the table without recording a migration
      cause: P3019: The datasource provider `mysql` specified in your schema does not match the one specified in the migration_lock.toml, `postgresql`. Please remove your current migration directory and start a new migration history with prisma migrate dev. Read more: https://pris.ly/d/migrate-provider-switch
    ");
    Ok(())
}

async fn missing_ledger(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    scenario.execute("DROP TABLE _prisma_migrations").await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Order")).await?, @r"
    exit code 10
    error: the schema `shop` has no `_prisma_migrations` table, so its migration history cannot be kept
      table: untouched
      next:  baseline first: `prisma migrate resolve --applied NAME` for every migration the database has already (https://pris.ly/d/migrate-baseline)
             or pass `--no-record` to change the table without recording a migration
    ");
    Ok(())
}

async fn unfinished_migration(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    begun_by_prisma(&scenario, "NULL").await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Order")).await?, @r"
    exit code 10
    error: P3009: migrate found failed migrations in the target database, new migrations will not be applied. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve
      table: untouched
      next:  make sure that no other deploy is still running: a migration that runs has the same row
             `prisma migrate resolve --rolled-back 20260203040506_add_sku` when its changes are not in the database, `prisma migrate resolve --applied 20260203040506_add_sku` when they all are
      cause: The `20260203040506_add_sku` migration started at 2026-02-03 04:05:06.700 UTC failed
    ");
    Ok(())
}

async fn failed_migration(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    begun_by_prisma(&scenario, "'Database error code: 1064'").await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Order")).await?, @r"
    exit code 10
    error: P3009: migrate found failed migrations in the target database, new migrations will not be applied. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve
      table: untouched
      next:  make sure that no other deploy is still running: a migration that runs has the same row
             `prisma migrate resolve --rolled-back 20260203040506_add_sku` when its changes are not in the database, `prisma migrate resolve --applied 20260203040506_add_sku` when they all are
      cause: The `20260203040506_add_sku` migration started at 2026-02-03 04:05:06.700 UTC failed
    ");
    // What somebody has resolved holds nobody back.
    scenario.execute("UPDATE _prisma_migrations SET rolled_back_at = NOW(3) WHERE finished_at IS NULL").await?;
    rebuild(&scenario, "Order").args(["--dry-run"]).succeed().await?;
    Ok(())
}

async fn begun_by_prisma(scenario: &Scenario, logs: &str) -> Result<()> {
    let id = uuid::Uuid::new_v4();
    let columns = "id, checksum, started_at, migration_name, logs, applied_steps_count";
    let values = format!("'{id}', 'x', '2026-02-03 04:05:06.700', '20260203040506_add_sku', {logs}, 0");
    scenario.execute(&format!("INSERT INTO _prisma_migrations ({columns}) VALUES ({values})")).await
}
