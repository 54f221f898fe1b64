//! A migration of the corpus and then its rollback.sql leave the definitions that were there before.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use mysql_async::Row;
use mysql_async::prelude::Queryable;

use crate::project::Project;
use crate::support::{Server, on_every_server};
use crate::{cases, name};

on_every_server!(what_was_applied_is_taken_back);

const NAME: &str = "20260203040506_case";

async fn what_was_applied_is_taken_back(server: Server) -> Result<()> {
    let (mut compared, mut failures) = (0, Vec::new());
    for case in cases()? {
        match taken_back(&server, &case).await {
            Ok(true) => compared += 1,
            Ok(false) => {}
            Err(error) => failures.push(format!("{}: {error:#}", name(&case))),
        }
    }
    ensure!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures.join("\n"));
    ensure!(compared >= 40 || std::env::var_os("REPLANK_TEST_CASE").is_some(), "only {compared} cases were compared");
    Ok(())
}

/// False for a migration that this server does not take, or that says that not all definitions come back.
async fn taken_back(server: &Server, case: &Path) -> Result<bool> {
    let read = |file: &str| fs::read_to_string(case.join(file)).with_context(|| format!("reading {file}"));
    let (before, script) = (read("before.sql")?, read("migration.sql")?);
    let project = Project::new(server, "rollback").await?;
    project.feed(&before).await.context("before.sql")?;
    project.add(NAME, &script)?;
    let wanted = definitions(&project).await?;
    let outcome = project.command(&["plan", "--rollback", "--write"]).run().await?.expect_code(0)?;
    let path = project.scenario.migrations().join(NAME).join("rollback.sql");
    let rollback = fs::read_to_string(&path).with_context(|| format!("{} after {outcome:?}", path.display()))?;
    ensure!(definitions(&project).await? == wanted, "planning changed something");
    if project.feed(&script).await.is_err() {
        return Ok(false);
    }
    // What says so need not come back; rows never do.
    let gaps = ["not known", "has named", "whose effect"];
    let incomplete =
        rollback.lines().any(|line| line.starts_with("-- NOT") && gaps.iter().any(|gap| line.contains(gap)));
    let outcome = project.feed(&rollback).await;
    if incomplete {
        return Ok(false);
    }
    outcome.with_context(|| rollback.clone())?;
    let found = definitions(&project).await?;
    ensure!(found == wanted, "was\n{}\nis\n{}\nby\n{rollback}", wanted.join("\n"), found.join("\n"));
    Ok(true)
}

/// The definitions of all tables, and the names of everything else.
///
/// Indexes and constraints are compared without their order: one that was dropped comes back behind the others.
async fn definitions(project: &Project) -> Result<Vec<String>> {
    let mut conn = project.scenario.connect().await?;
    let tables: Vec<String> = conn
        .query("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1")
        .await?;
    let mut definitions = Vec::new();
    for table in tables {
        let row: Option<Row> = conn.query_first(format!("SHOW CREATE TABLE `{table}`")).await?;
        let shown: String = row.and_then(|row| row.get(1)).context("a definition")?;
        let is_key = |line: &str| !line.starts_with("  `") && line.starts_with("  ");
        let lines = shown.lines().map(|line| line.trim_end_matches(',').to_owned());
        let (mut keys, others): (Vec<String>, Vec<String>) = lines.partition(|line| is_key(line));
        keys.sort();
        // The next number is no part of a definition.
        let others = others.into_iter().map(|line| match line.split_once(" AUTO_INCREMENT=") {
            Some((start, rest)) if line.starts_with(')') => {
                format!("{start}{}", rest.trim_start_matches(|ch: char| ch.is_ascii_digit()))
            }
            _ => line,
        });
        definitions.extend(others.chain(keys));
    }
    for sql in [
        "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1",
        "SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1",
        "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY 1",
    ] {
        let names: Vec<String> = conn.query(sql).await?;
        definitions.extend(names);
    }
    conn.disconnect().await?;
    Ok(definitions)
}
