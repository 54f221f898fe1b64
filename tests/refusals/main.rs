//! Every refusal: its text, its exit code, and that nothing was touched: no object and no row in the application's
//! schema, no bookkeeping schema, no directory beside the migrations.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/intercept.rs"]
mod intercept;
#[path = "../support/private_server.rs"]
mod private_server;

/// An inline snapshot that tests of several servers share.
macro_rules! assert_text {
    ($text:expr, @$expected:literal) => {{
        let text = $text;
        insta::allow_duplicates! { insta::assert_snapshot!(text, @$expected) }
    }};
}

mod account;
mod clauses;
mod limits;
mod names;
mod occupied;
mod prisma_history;
mod relations;
mod server_settings;
mod trial;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use support::{Program, Scenario, Server, residue};

/// A table that could be changed online, were it not for what a test does.
const ORDER: &str =
    "CREATE TABLE `Order` (`id` INTEGER NOT NULL AUTO_INCREMENT, `total` INTEGER NOT NULL, PRIMARY KEY (`id`))";

/// A schema with such a table, some rows in it.
async fn shop(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "refused", &[ORDER]).await?;
    scenario.seed("Order", "total", "n", 100).await?;
    Ok(scenario)
}

/// `replank alter` of a table that has to be copied, with its texts for people.
fn rebuild(scenario: &Scenario, table: &str) -> Program {
    alter(scenario, table, "FORCE")
}

fn alter(scenario: &Scenario, table: &str, clauses: &str) -> Program {
    alter_as(scenario, &scenario.url(), table, clauses)
}

/// The same over a url of the caller's.
fn alter_as(scenario: &Scenario, url: &str, table: &str, clauses: &str) -> Program {
    let target = format!("{}.{table}", scenario.schema);
    let words = ["alter", &target, "--alter", clauses, "--name", "change", "--url", url, "--quiet"];
    Program::new(scenario.project()).args(words)
}

/// Runs a command that must be refused, as a dry run too, and gives its exit code and text with the names of this run
/// left out. Fails when anything is not as it was before.
async fn refused(scenario: &Scenario, program: Program) -> Result<String> {
    let before = Picture::take(scenario).await?;
    let text = ended(scenario, &program).await?;
    before.expect_same(&Picture::take(scenario).await?)?;
    let planned = ended(scenario, &program.clone().args(["--dry-run"])).await?;
    before.expect_same(&Picture::take(scenario).await?)?;
    ensure!(text == planned, "a dry run ends otherwise:\n{planned}\nand the run:\n{text}");
    Ok(text)
}

async fn ended(scenario: &Scenario, program: &Program) -> Result<String> {
    let outcome = program.run().await?;
    ensure!(outcome.stdout.is_empty() && outcome.events.is_empty(), "a failure wrote to stdout: {}", outcome.stdout);
    let code = outcome.code().context("a signal ended it")?;
    Ok(format!("exit code {code}\n{}", plain(scenario, &outcome.stderr)))
}

/// Names and numbers that differ from run to run and from server to server replaced by ones that do not.
fn plain(scenario: &Scenario, text: &str) -> String {
    let escaped = scenario.schema.replace('_', "\\_");
    let url = scenario.url();
    let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap_or_default();
    text.replace(&escaped, "shop")
        .replace(&scenario.schema, "shop")
        .replace(&format!("127.0.0.1:{port}"), "127.0.0.1:3306")
        .replace("MariaDB server", "MySQL server")
}

/// Everything a refused command must leave as it is.
#[derive(Debug, PartialEq, Eq)]
struct Picture {
    schemas: Vec<String>,
    objects: Vec<String>,
    books: Vec<String>,
    definitions: Vec<String>,
    ledger: Vec<String>,
    files: Vec<String>,
}

impl Picture {
    async fn take(scenario: &Scenario) -> Result<Picture> {
        let mut conn = scenario.server.connect("").await?;
        let like = format!("{}%", scenario.schema.replace('_', "\\_"));
        let schemas = conn
            .exec("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE ? ORDER BY 1", (like,))
            .await?;
        let objects = residue::objects(&mut conn, &scenario.schema).await?;
        let books = residue::objects(&mut conn, &scenario.bookkeeping()).await?;
        let mut definitions = Vec::new();
        for table in objects.iter().filter_map(|object| object.strip_prefix("table ")) {
            let name = format!("`{}`.`{table}`", scenario.schema);
            // A view has more columns than a table there.
            let row: Option<mysql_async::Row> = conn.query_first(format!("SHOW CREATE TABLE {name}")).await?;
            definitions.extend(row.and_then(|row| row.get::<String, _>(1)).map(without_counter));
        }
        let has_ledger = objects.iter().any(|object| object == "table _prisma_migrations");
        let ledger = match has_ledger {
            false => Vec::new(),
            true => {
                let columns = "id, checksum, migration_name, CAST(started_at AS CHAR), \
                               COALESCE(CAST(finished_at AS CHAR), '-'), applied_steps_count";
                let table = format!("`{}`._prisma_migrations", scenario.schema);
                conn.query(format!("SELECT CONCAT_WS(' ', {columns}) FROM {table} ORDER BY id")).await?
            }
        };
        conn.disconnect().await?;
        let mut files = Vec::new();
        list(scenario.project(), &mut files)?;
        files.sort();
        Ok(Picture { schemas, objects, books, definitions, ledger, files })
    }

    fn expect_same(&self, now: &Picture) -> Result<()> {
        ensure!(self == now, "something was touched; before:\n{self:#?}\nafter:\n{now:#?}");
        Ok(())
    }
}

/// A run that goes on meanwhile moves the counter of its shadow.
fn without_counter(definition: String) -> String {
    let Some((before, value)) = definition.split_once(" AUTO_INCREMENT=") else { return definition };
    format!("{before}{}", value.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

fn list(folder: &Path, files: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        files.push(entry.path().display().to_string());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        }
    }
    Ok(())
}
