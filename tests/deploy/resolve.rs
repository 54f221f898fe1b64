//! `replank resolve`, against `prisma migrate resolve`.

use anyhow::{Result, ensure};

use crate::project::Project;
use crate::support::{Server, on_every_server, prisma};

on_every_server!(applied, baseline, rolled_back, mistakes);

const A: &str = "20260301000000_a";

async fn applied(server: Server) -> Result<()> {
    let project = Project::new(&server, "applied").await?;
    project.add(A, "SELECT 1;\n")?;
    project.begun_by_prisma(A, ", logs = 'it failed'").await?;
    assert_text!(project.ended(&["resolve", "--applied", A]).await?, @r"
    exit code 0
    --- stdout

    Migration 20260301000000_a marked as applied.
    --- stderr
    ");
    let expected = [format!("{A} unfinished rolled-back 0 'it failed'"), format!("{A} finished - 0 ''")];
    ensure!(project.ledger().await? == expected, "the ledger is {:?}", project.ledger().await?);
    let row = "SELECT started_at = finished_at, checksum, id REGEXP '^[0-9a-f-]{36}$', \
               ABS(TIMESTAMPDIFF(SECOND, started_at, UTC_TIMESTAMP())) < 60 \
               FROM _prisma_migrations WHERE logs = ''";
    let found = project.value(row).await?;
    ensure!(found == format!("1, {}, 1, 1", prisma::checksum("SELECT 1;\n")), "the row is {found}");
    assert_text!(project.ended(&["resolve", "--applied", A]).await?, @r"
    exit code 1
    --- stdout
    --- stderr
    Error: P3008

    The migration `20260301000000_a` is already recorded as applied in the database.
    ");
    project.deploy(&[]).succeed().await?;
    ensure!(project.ledger().await?.len() == 2, "deploy has applied it again");
    Ok(())
}

/// A schema with tables and no history: the ledger is made without looking at them.
async fn baseline(server: Server) -> Result<()> {
    let project = Project::empty(&server, "baseline").await?;
    project.scenario.execute("CREATE TABLE `Old` (`id` INT)").await?;
    project.add(A, "CREATE TABLE `Old` (`id` INT);\n")?;
    project.command(&["resolve", "--applied", A]).succeed().await?;
    ensure!(project.ledger().await? == [format!("{A} finished - 0 ''")]);
    project.deploy(&[]).succeed().await?;
    Ok(())
}

async fn rolled_back(server: Server) -> Result<()> {
    let project = Project::new(&server, "back").await?;
    // It need not be on disk.
    project.begun_by_prisma(A, "").await?;
    for _ in 0..2 {
        assert_text!(project.ended(&["resolve", "--rolled-back", A]).await?, @r"
        exit code 0
        --- stdout

        Migration 20260301000000_a marked as rolled back.
        --- stderr
        ");
    }
    ensure!(project.ledger().await? == [format!("{A} unfinished rolled-back 0 NULL")]);
    Ok(())
}

async fn mistakes(server: Server) -> Result<()> {
    let project = Project::new(&server, "mistakes").await?;
    assert_text!(project.ended(&["resolve", "--applied", "20260301000000_none"]).await?, @r#"
    exit code 1
    --- stdout
    --- stderr
    Error: P3017

    The migration 20260301000000_none could not be found. Please make sure that the migration exists, and that you included the whole name of the directory. (example: "20201207184859_initial_migration")
    "#);
    assert_text!(project.ended(&["resolve", "--rolled-back", "20260301000000_none"]).await?, @r#"
    exit code 1
    --- stdout
    --- stderr
    Error: P3011

    Migration `20260301000000_none` cannot be rolled back because it was never applied to the database. Hint: did you pass in the whole migration name? (example: "20201207184859_initial_migration")
    "#);
    assert_text!(project.ended(&["resolve", "--rolled-back", prisma::INIT]).await?, @r"
    exit code 1
    --- stdout
    --- stderr
    Error: P3012

    Migration `20260102030405_init` cannot be rolled back because it is not in a failed state.
    ");
    assert_text!(project.ended(&["resolve"]).await?, @r"
    exit code 1
    --- stdout
    --- stderr
    Error: --applied or --rolled-back must be part of the command like:
    replank resolve --applied 20201231000000_example
    replank resolve --rolled-back 20201231000000_example
    ");
    assert_text!(project.ended(&["resolve", "--applied", "a", "--rolled-back", "a"]).await?, @r"
    exit code 1
    --- stdout
    --- stderr
    Error: Pass either --applied or --rolled-back, not both.
    ");
    Ok(())
}
