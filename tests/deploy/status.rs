//! `replank status` of a project: every migration in one table, and Prisma's verdict with its exit code.

use std::fs;

use anyhow::{Result, ensure};

use crate::project::Project;
use crate::support::{Server, on_every_server};

on_every_server!(every_standing, diverged, failed, unfinished_alter, without_project);

const A: &str = "20260301000000_a";

async fn every_standing(server: Server) -> Result<()> {
    let project = Project::new(&server, "standing").await?;
    let done = ", finished_at = '2026-02-04 00:00:00', applied_steps_count = 1";
    project.add(A, "SELECT 1;\n")?;
    project.begun_by_prisma(A, done).await?;
    project.add("20260302000000_back", "SELECT 1;\n")?;
    project.begun_by_prisma("20260302000000_back", ", rolled_back_at = '2026-02-04 00:00:00'").await?;
    project.begun_by_prisma("20260101000000_gone", done).await?;
    // Edited, rolled back and missing are nothing to Prisma.
    assert_text!(project.ended(&["status"]).await?, @r"
    exit code 0
    --- stdout
    3 migrations found in prisma/migrations

      20260101000000_gone  applied, missing on disk
      20260102030405_init  applied
      20260301000000_a     applied, edited on disk since
      20260302000000_back  rolled back: the next deploy applies it again

    Database schema is up to date!

    no unfinished change
    --- stderr
    ");
    fs::remove_dir_all(project.scenario.migrations().join("20260302000000_back"))?;
    project.scenario.execute("DELETE FROM _prisma_migrations WHERE migration_name LIKE '%gone'").await?;
    project.scenario.execute("DELETE FROM _prisma_migrations WHERE migration_name LIKE '%back'").await?;
    project.add("20260303000000_c", "SELECT 1;\n")?;
    project.add("20260304000000_d", "SELECT 1;\n")?;
    // What failed is hidden behind what is pending, as with Prisma; the table has it.
    project.begun_by_prisma("20260303000000_c", "").await?;
    assert_text!(project.ended(&["status"]).await?, @r"
    exit code 1
    --- stdout
    4 migrations found in prisma/migrations

      20260102030405_init  applied
      20260301000000_a     applied, edited on disk since
      20260303000000_c     failed, or still running: begun 2026-02-03 04:05:06.700 UTC
      20260304000000_d     pending

    Following migration have not yet been applied:
    20260304000000_d

    To apply migrations in development run prisma migrate dev.
    To apply migrations in production run replank deploy.

    no unfinished change
    --- stderr
    ");
    Ok(())
}

async fn diverged(server: Server) -> Result<()> {
    let project = Project::new(&server, "diverged").await?;
    project.add(A, "SELECT 1;\n")?;
    project.begun_by_prisma("20260101000000_gone", ", finished_at = '2026-02-04 00:00:00'").await?;
    assert_text!(project.ended(&["status"]).await?, @r"
    exit code 1
    --- stdout
    2 migrations found in prisma/migrations

      20260101000000_gone  applied, missing on disk
      20260102030405_init  applied
      20260301000000_a     pending

    no unfinished change
    --- stderr

    Your local migration history and the migrations table from your database are different:

    The last common migration is: 20260102030405_init

    The migration have not yet been applied:
    20260301000000_a

    The migration from the database are not found locally in prisma/migrations:
    20260101000000_gone
    ");
    Ok(())
}

async fn failed(server: Server) -> Result<()> {
    let project = Project::new(&server, "statusfailed").await?;
    project.add(A, "SELEC 1;\n")?;
    project.deploy(&[]).run().await?.expect_code(1)?;
    let text = project.ended(&["status"]).await?;
    ensure!(
        text.starts_with("exit code 1\n") && text.contains(&format!("  {A}     failed, or still running")),
        "{text}"
    );
    let told = text.split("--- stderr\n").nth(1).unwrap_or_default().trim();
    assert_text!(told, @r#"
    Following migration have failed:
    20260301000000_a

    During development if the failed migration(s) have not been deployed to a production database you can then fix the migration(s) and run prisma migrate dev.

    The failed migration(s) can be marked as rolled back or applied:

    - If you rolled back the migration(s) manually:
    replank resolve --rolled-back "20260301000000_a"

    - If you fixed the database manually (hotfix):
    replank resolve --applied "20260301000000_a"

    Read more about how to resolve migration issues in a production database:
    https://pris.ly/d/migrate-resolve
    "#);
    Ok(())
}

/// A change of `replank alter` that was stopped has failed as far as Prisma knows. It is not to be resolved: its run
/// could not record it any more.
async fn unfinished_alter(server: Server) -> Result<()> {
    let project = Project::new(&server, "ofalter").await?;
    let scenario = &project.scenario;
    scenario.execute("CREATE TABLE `Item` (`id` INTEGER NOT NULL PRIMARY KEY)").await?;
    scenario.seed("Item", "id", "n", 3_000).await?;
    let slow = ["--force-copy", "--max-rows-per-second", "1000"];
    let mut run = scenario.alter("Item", "ADD COLUMN `size` INTEGER NULL", "sized").args(slow).start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.interrupt()?;
    run.finish().await?.expect_code(130)?;
    let name = project.value("SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL").await?;
    let table = "shop.Item";
    let status = project.ended(&["status"]).await?;
    let says = |text: &str| -> Result<()> {
        ensure!(status.contains(text), "it does not say `{text}`:\n{status}");
        Ok(())
    };
    ensure!(status.starts_with("exit code 1\n") && !status.contains("--rolled-back"), "{status}");
    says(&format!("  {name}  unfinished: the change of {table} by `replank alter`\n"))?;
    says(&format!("Following migration is unfinished:\n{name}\n\nnext: "))?;
    says(&format!(
        "next: `{name}` is the change of {table} by `replank alter`: wait for it, or `replank resume {table}`"
    ))?;
    for way in ["--rolled-back", "--applied"] {
        let refused = project.ended(&["resolve", way, &name]).await?;
        let why =
            format!("error: the migration `{name}` is the change of {table} by `replank alter`, which has not ended");
        ensure!(refused.starts_with("exit code 10\n") && refused.contains(&why), "{refused}");
    }
    // Prisma speaks of what is pending instead; the way on is told all the same.
    project.add(A, "SELECT 1;\n")?;
    let status = project.ended(&["status"]).await?;
    ensure!(
        status.contains("have not yet been applied") && status.contains(&format!("next: `{name}` is the change")),
        "{status}"
    );
    std::fs::remove_dir_all(scenario.migrations().join(A))?;
    // Beside one that did fail, Prisma's advice is for that one.
    project.begun_by_prisma(A, "").await?;
    let status = project.ended(&["status"]).await?;
    ensure!(status.contains("--rolled-back") && status.contains(&format!("next: `{name}` is the change")), "{status}");
    scenario.execute(&format!("DELETE FROM _prisma_migrations WHERE migration_name = '{A}'")).await?;
    scenario.replank("resume", "Item").succeed().await?;
    let status = project.ended(&["status"]).await?;
    ensure!(status.starts_with("exit code 0\n") && status.contains("up to date"), "{status}");
    Ok(())
}

/// Whoever does not use Prisma, or stands in another folder, sees the runs only.
async fn without_project(server: Server) -> Result<()> {
    let project = Project::empty(&server, "noproject").await?;
    fs::remove_dir_all(project.scenario.project().join("prisma"))?;
    assert_text!(project.ended(&["status"]).await?, @r"
    exit code 0
    --- stdout
    no unfinished change
    --- stderr
    ");
    let text = project.ended(&["status", "--migrations", "nowhere"]).await?;
    assert_text!(text, @r"
    exit code 1
    --- stdout
    No migration found in nowhere

    no unfinished change
    --- stderr

    The current database is not managed by Prisma Migrate.

    Read more about how to baseline an existing production database:
    https://pris.ly/d/migrate-baseline
    ");
    Ok(())
}
