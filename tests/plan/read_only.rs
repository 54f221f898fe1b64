//! An account that may only read gets the same plan, and asks in bounded time.

use std::process::Output;

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;

use crate::project::Project;
use crate::support::{Server, on_every_server};

on_every_server!(select_is_enough, what_takes_too_long_is_said_to);

const TABLE: &str = "CREATE TABLE a (id INT PRIMARY KEY, e VARCHAR(50) NULL, KEY e (e))";
const SCRIPT: &str = "ALTER TABLE a MODIFY e VARCHAR(10) NOT NULL;\nCREATE UNIQUE INDEX k ON a(e);";

async fn select_is_enough(server: Server) -> Result<()> {
    let project = Project::new(&server, "reader").await?;
    project.feed(&format!("{TABLE}; INSERT INTO a VALUES (1, NULL), (2, 'x'), (3, 'x'), (4, 'much too long')")).await?;
    project.add("20260203040506_alter_a", SCRIPT)?;
    let schema = &project.scenario.schema;
    let user = format!("r{}", &schema[schema.len() - 8..]);
    let mut conn = project.scenario.connect().await?;
    conn.query_drop(format!("CREATE USER '{user}' IDENTIFIED BY 'p'")).await?;
    conn.query_drop(format!("GRANT SELECT ON `{schema}`.* TO '{user}'")).await?;
    let by_owner = project.command(&["plan", "--online-above", "0", "--output", "json"]).command().output()?;
    let url = project.scenario.url();
    let at = url.rfind('@').unwrap_or_default();
    let reader = crate::support::Program::new(project.scenario.project()).args([
        "plan",
        "--online-above",
        "0",
        "--output",
        "json",
        "--url",
        &format!("mysql://{user}:p{}", &url[at..]),
    ]);
    let by_reader = reader.command().output();
    conn.query_drop(format!("DROP USER '{user}'")).await?;
    let without_statistics = |output: &Output| -> Result<serde_json::Value> {
        ensure!(output.status.code() == Some(10), "{output:?}");
        let mut report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        // Only statistics of indexes are nothing for an account that may only read the application's tables.
        for step in report["migrations"][0]["steps"].as_array_mut().into_iter().flatten() {
            if let Some(findings) = step["findings"].as_array_mut() {
                findings.retain(|finding| finding["rule"] != "unused_index");
            }
        }
        Ok(report)
    };
    let (owner, reader) = (without_statistics(&by_owner)?, without_statistics(&by_reader?)?);
    ensure!(owner == reader, "{owner:#}\n{reader:#}");
    let findings = owner["migrations"][0]["steps"].to_string();
    for text in [
        "1 row of `a` has NULL in `e`, which becomes NOT NULL, at `id` 1",
        "1 row of `a` has a value of `e` that does not fit varchar(10), at `id` 4",
        "`k` of `a`, unique over (e): there are duplicates, (x) 2 times",
    ] {
        ensure!(findings.contains(text), "no `{text}` in {findings}");
    }
    Ok(())
}

async fn what_takes_too_long_is_said_to(server: Server) -> Result<()> {
    let project = Project::new(&server, "slow").await?;
    project.feed(&TABLE.replace(", KEY e (e)", "")).await?;
    project.scenario.seed("a", "id, e", "n, LEFT(SHA2(n, 224), 50)", 200_000).await?;
    project.add("20260203040506_alter_a", SCRIPT)?;
    let outcome = project.command(&["plan", "--check-time", "1ms"]).run().await?.expect_code(16)?;
    ensure!(outcome.stdout.contains("there was no time to count them"), "{}", outcome.stdout);
    ensure!(outcome.stdout.contains("there was no time to look for duplicates"), "{}", outcome.stdout);
    Ok(())
}
