//! What `-vv` writes: every statement, and none of the strings in those that a migration runs as they are, which may be
//! passwords.

use anyhow::{Result, ensure};

use crate::project::Project;
use crate::support::{Server, on_every_server};

on_every_server!(every_statement_without_secrets);

async fn every_statement_without_secrets(server: Server) -> Result<()> {
    let project = Project::new(&server, "log").await?;
    project.add("20260301000000_a", "CREATE TABLE `T` (`id` INT);\nSET @password = 's3cr3t';\n")?;
    let quiet = project.deploy(&["-v"]).succeed().await?.stderr;
    ensure!(!quiet.contains("CREATE TABLE"), "{quiet}");
    project.scenario.execute("DROP TABLE `T`").await?;
    project.scenario.execute("DELETE FROM _prisma_migrations WHERE migration_name LIKE '%_a'").await?;
    let log = project.deploy(&["-vv"]).succeed().await?.stderr;
    let has =
        |text: &str| log.lines().any(|line| line.contains("TRACE replank::server::session: [") && line.contains(text));
    for text in ["] CREATE TABLE `T` (`id` INT)", "] SET @password =", "] SELECT GET_LOCK(", "] INSERT INTO "] {
        ensure!(has(text), "it does not say `{text}`:\n{log}");
    }
    ensure!(!log.contains("s3cr3t"), "{log}");
    Ok(())
}
