//! Prisma's advisory lock is honoured, and two deploys never work at the same time.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::project::Project;
use crate::support::{Program, Server, on_every_server};

on_every_server!(advisory_lock, second_deploy);

const A: &str = "20260301000000_a";

/// The lock is one for the whole server, so the tests about it are one.
async fn advisory_lock(server: Server) -> Result<()> {
    let project = Project::new(&server, "lock").await?;
    project.add(A, "SELECT 1;\n")?;
    let mut other = server.connect("").await?;
    take(&mut other).await?;
    let id: u32 = other.query_first("SELECT CONNECTION_ID()").await?.context("an id")?;
    let deploy = with_lock(&project, &["deploy"]);
    let outcome = deploy.run().await?.expect_code(1)?;
    ensure!(outcome.took >= Duration::from_secs(10), "it waited for {:?} only", outcome.took);
    let text = project.told(&outcome)?.replace(&format!("connection {id} "), "connection 7 ");
    let text = text.split_once("held by ").map(|(before, rest)| {
        let (_, after) = rest.split_once(')').unwrap_or_default();
        ensure!(rest.starts_with("connection 7 (root@127.0.0.1:"), "the holder is {rest}");
        Ok(format!("{before}held by HOLDER{after}"))
    });
    assert_text!(text.context("a holder")??, @r"
    exit code 1
    --- stdout

    2 migrations found in prisma/migrations

    --- stderr
    Error: P1002: The database server at `127.0.0.1:3306` was reached but timed out.

    Please try again.

    Please make sure your database server is running at `127.0.0.1:3306`.

    Context: Timed out trying to acquire an advisory lock (SELECT GET_LOCK('prisma_migrate', 10)), held by HOLDER. Elapsed: 10000ms. See https://pris.ly/d/migrate-advisory-locking for details.

      next:  wait for the other deploy to end, then run this one again
    ");
    ensure!(project.ledger().await?.is_empty(), "it has begun all the same");
    // Whoever gives it back in time lets the deploy go on.
    let mut waiting = deploy.args(["--output", "json"]).start()?;
    ensure!(waiting.reaches(|seen| seen.is("migrations_found")).await?, "it ended early");
    other.query_drop("DO RELEASE_LOCK('prisma_migrate')").await?;
    waiting.finish().await?.expect_code(0)?;
    // It is switched off as Prisma's is, and the others that take it wait, too.
    take(&mut other).await?;
    project.add("20260302000000_b", "SELECT 1;\n")?;
    project.deploy(&[]).succeed().await?;
    with_lock(&project, &["deploy"]).env("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK", "0").run().await?.expect_code(1)?;
    let resolve = with_lock(&project, &["resolve", "--rolled-back", A]);
    let text = resolve.run().await?.expect_code(1)?.stderr;
    ensure!(text.starts_with("Error: P1002: "), "{text}");
    with_lock(&project, &["status"]).succeed().await?;
    Ok(())
}

async fn take(conn: &mut Conn) -> Result<()> {
    let taken: Option<u8> = conn.query_first("SELECT GET_LOCK('prisma_migrate', 100)").await?;
    ensure!(taken == Some(1), "another test has the lock");
    Ok(())
}

fn with_lock(project: &Project, words: &[&str]) -> Program {
    Program::new(project.scenario.project()).args(words.iter().copied().chain(["--url", &project.scenario.url()]))
}

/// Even without Prisma's lock.
async fn second_deploy(server: Server) -> Result<()> {
    let project = Project::new(&server, "second").await?;
    project.scenario.execute("CREATE TABLE `T` (`id` INT)").await?;
    project.add(A, "INSERT INTO `T` VALUES (1);\n")?;
    let mut holder = project.scenario.connect().await?;
    holder.query_drop("LOCK TABLES `T` WRITE").await?;
    let mut first = project.deploy(&[]).start()?;
    ensure!(first.reaches(|seen| seen.is("statement_started")).await?, "it never began");
    let second = project.deploy(&[]).run().await?.expect_code(11)?;
    let told = second.events("failed").next().map(|seen| seen.event["what"].to_string()).unwrap_or_default();
    ensure!(told.contains("is running, connection "), "{told}");
    holder.query_drop("UNLOCK TABLES").await?;
    first.finish().await?.expect_code(0)?;
    ensure!(project.value("SELECT COUNT(*) FROM `T`").await? == "1", "it ran twice");
    Ok(())
}
