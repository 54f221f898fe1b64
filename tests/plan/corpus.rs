//! The plan of every migration of the corpus, as it would be read in a pull request.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::project::Project;
use crate::support::{Kind, Server, on_every_server};
use crate::{cases, name};

on_every_server!(plans_of_the_corpus);

async fn plans_of_the_corpus(server: Server) -> Result<()> {
    let mut plans = Vec::new();
    for case in cases()? {
        plans.push(format!("<!-- {} -->\n\n{}", name(&case), plan(&server, &case).await.context(name(&case))?));
    }
    if std::env::var_os("REPLANK_TEST_CASE").is_some() {
        println!("{}", plans.concat());
        return Ok(());
    }
    // What differs between the two versions of MariaDB is only what the servers say of themselves.
    if server.kind != Kind::MariaDb118 {
        insta::with_settings!({ snapshot_suffix => server.kind.name(), filters => [
            (r"(MariaDB|MySQL) \d+\.\d+\.\d+", "$1 x.y.z"),
            (r"t(\\?_)plan\\?_[0-9a-f]{8}", "shop"),
        ] }, {
            insta::assert_snapshot!("corpus", plans.join("\n"));
        });
    }
    Ok(())
}

async fn plan(server: &Server, case: &Path) -> Result<String> {
    let read = |file: &str| fs::read_to_string(case.join(file)).with_context(|| format!("reading {file}"));
    let project = Project::new(server, "plan").await?;
    project.feed(&read("before.sql")?).await.context("before.sql")?;
    project.add(&format!("20260203040506_{}", name(case)), read("migration.sql")?)?;
    // The server's estimates of tables that were filled a moment ago are anything.
    project.scenario.analyze().await?;
    let before = project.picture().await?;
    let outcome = project.command(&["plan", "--online-above", "0", "--output", "markdown"]).run().await?;
    ensure!(project.picture().await? == before, "planning changed something");
    let code = outcome.code().context("a signal ended it")?;
    let verdict = match code {
        0 => "## Migration plan: safe\n",
        10 => "## Migration plan: refused\n",
        16 => "## Migration plan: needs attention\n",
        other => anyhow::bail!("exit code {other}: {}{}", outcome.stdout, outcome.stderr),
    };
    ensure!(outcome.stdout.starts_with(verdict), "exit code {code} with {}", outcome.stdout);
    Ok(outcome.stdout)
}
