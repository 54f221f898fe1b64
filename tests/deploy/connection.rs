//! Servers that do not answer or do not let in: Prisma's words for it.

use std::fs;

use anyhow::{Result, ensure};

use crate::project::Project;
use crate::support::{Program, Server, on_every_server};

on_every_server!(wrong_password, missing_database, unreachable, system_database, env_beside_the_schema);

async fn wrong_password(server: Server) -> Result<()> {
    let project = Project::new(&server, "password").await?;
    let url = project.scenario.url().replace("root:replank", "root:secret");
    for command in [["deploy"], ["status"]] {
        let program = Program::new(project.scenario.project()).args(command).args(["--url", &url]);
        let text = program.run().await?.expect_code(1)?.stderr;
        let expected = "Error: P1000: Authentication failed against database server, the provided database credentials \
                        for `root` are not valid.\n\nPlease make sure to provide valid database credentials for the \
                        database server at the configured address.\n";
        ensure!(text.starts_with(expected) && !text.contains("secret"), "{text}");
    }
    Ok(())
}

/// `deploy` makes it, the others miss it.
async fn missing_database(server: Server) -> Result<()> {
    let project = Project::empty(&server, "nodb").await?;
    project.add("20260301000000_a", "CREATE TABLE `T` (`id` INT);\n")?;
    let mut conn = server.connect("").await?;
    mysql_async::prelude::Queryable::query_drop(&mut conn, format!("DROP DATABASE `{}`", project.scenario.schema))
        .await?;
    let text = project.ended(&["status"]).await?;
    assert_text!(text, @r"
    exit code 1
    --- stdout
    --- stderr
    Error: P1003: Database `shop` does not exist
      next:  `replank deploy` creates it at root@127.0.0.1:3306
    ");
    let text = project.ended(&["deploy"]).await?;
    assert_text!(text, @r"
    exit code 0
    --- stdout

    MySQL database shop created at 127.0.0.1:3306

    1 migration found in prisma/migrations

    Applying migration `20260301000000_a`

    The following migration(s) have been applied:

    migrations/
      └─ 20260301000000_a/
        └─ migration.sql

    All migrations have been successfully applied.
    --- stderr
    ");
    let collation = "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata \
                     WHERE schema_name = DATABASE()";
    ensure!(project.value(collation).await? == "utf8mb4, utf8mb4_unicode_ci");
    Ok(())
}

async fn unreachable(server: Server) -> Result<()> {
    let project = Project::new(&server, "unreachable").await?;
    let program = Program::new(project.scenario.project()).args(["deploy", "--url", "mysql://root@127.0.0.1:1/shop"]);
    let text = program.run().await?.expect_code(1)?.stderr;
    let expected = "Error: P1001: Can't reach database server at `127.0.0.1:1`\n\nPlease make sure your database server \
                    is running at `127.0.0.1:1`.\n";
    ensure!(text.starts_with(expected), "{text}");
    Ok(())
}

/// A database of the server's own is not migrated.
async fn system_database(server: Server) -> Result<()> {
    let project = Project::new(&server, "system").await?;
    let url = server.url("mysql");
    let deploy = Program::new(project.scenario.project()).args(["deploy", "--url", &url]);
    let text = deploy.run().await?.expect_code(1)?.stderr;
    let expected = "Error: P3004\n\nThe `mysql` database is a system database, it should not be altered with prisma \
                    migrate. Please connect to another database.\n";
    ensure!(text.starts_with(expected), "{text}");
    Ok(())
}

/// The URL in the file beside the schema.
async fn env_beside_the_schema(server: Server) -> Result<()> {
    let project = Project::new(&server, "dotenv").await?;
    let folder = project.scenario.project();
    let url = project.scenario.url();
    fs::write(folder.join("prisma/.env"), format!("DATABASE_URL=\"{url}\"\n"))?;
    let status = Program::new(folder).args(["status"]);
    status.succeed().await?;
    fs::write(folder.join("package.json"), "{}")?;
    fs::write(folder.join(".env"), format!("DATABASE_URL={url}_other\n"))?;
    let outcome = status.run().await?.expect_code(2)?;
    ensure!(outcome.stderr.contains("DATABASE_URL is set differently in .env and prisma/.env"), "{}", outcome.stderr);
    ensure!(!outcome.stderr.contains("replank@"), "{}", outcome.stderr);
    Ok(())
}
