//! A schema and the migrations of its project, deployed by replank or, statement by statement, by the test itself.

use std::fs;

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use crate::support::{Outcome, Program, Scenario, Server, prisma};

/// A scenario whose ledger knows its first migration only.
pub struct Project {
    pub scenario: Scenario,
}

impl Project {
    pub async fn new(server: &Server, topic: &str) -> Result<Project> {
        Ok(Project { scenario: Scenario::new(server, topic, &[]).await? })
    }

    /// Writes a migration that is not applied.
    pub fn add(&self, name: &str, script: impl AsRef<[u8]>) -> Result<()> {
        let folder = self.scenario.migrations().join(name);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join("migration.sql"), script)?)
    }

    /// A command without a table, for people. Prisma's lock is one for the whole server, so tests that run at the same
    /// time turn it off, except those about it.
    pub fn command(&self, words: &[&str]) -> Program {
        let url = self.scenario.url();
        Program::new(self.scenario.project())
            .args(words.iter().copied().chain(["--url", &url]))
            .env("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK", "1")
    }

    /// `replank deploy` with events.
    pub fn deploy(&self, words: &[&str]) -> Program {
        self.command(&["deploy", "--output", "json"]).args(words.iter().copied())
    }

    /// `replank deploy` of every change through the planner.
    pub fn deploy_all_online(&self) -> Program {
        self.deploy(&["--online-above", "0"])
    }

    /// A project whose database is empty, and which has no migration.
    pub async fn empty(server: &Server, topic: &str) -> Result<Project> {
        let project = Project::new(server, topic).await?;
        project.scenario.execute("DROP TABLE _prisma_migrations").await?;
        fs::remove_dir_all(project.scenario.migrations().join(prisma::INIT))?;
        Ok(project)
    }

    /// How a command ends for people: exit code, standard output, standard error.
    pub async fn ended(&self, words: &[&str]) -> Result<String> {
        self.told(&self.command(words).run().await?)
    }

    /// The same of a command that has ended, with what differs from run to run left out.
    pub fn told(&self, outcome: &Outcome) -> Result<String> {
        let code = outcome.code().context("a signal ended it")?;
        let mut text = format!("exit code {code}\n--- stdout\n{}--- stderr\n{}", outcome.stdout, outcome.stderr);
        let url = self.scenario.url();
        let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap_or_default();
        text = text.replace(&self.scenario.schema, "shop").replace(&format!("127.0.0.1:{port}"), "127.0.0.1:3306");
        // Lines of the log begin with the time.
        let is_stamp = |word: &str| word.len() == 24 && word.ends_with('Z') && word.starts_with("20");
        let lines: Vec<String> = text
            .lines()
            .map(|line| match line.split_once(' ') {
                Some((first, rest)) if is_stamp(first) => rest.to_owned(),
                _ => line.to_owned(),
            })
            .collect();
        Ok(lines.join("\n"))
    }

    /// A row that Prisma has begun.
    pub async fn begun_by_prisma(&self, name: &str, columns: &str) -> Result<()> {
        let id = uuid::Uuid::new_v4();
        self.scenario
            .execute(&format!(
                "INSERT INTO _prisma_migrations SET id = '{id}', checksum = 'x', migration_name = '{name}', \
                 started_at = '2026-02-03 04:05:06.700'{columns}"
            ))
            .await
    }

    /// Rows of the ledger without ids and times: name, finished, rolled back, steps, logs.
    pub async fn ledger(&self) -> Result<Vec<String>> {
        let mut conn = self.scenario.connect().await?;
        let sql = format!(
            "SELECT CONCAT_WS(' ', migration_name, IF(finished_at IS NULL, 'unfinished', 'finished'), \
             IF(rolled_back_at IS NULL, '-', 'rolled-back'), applied_steps_count, \
             IF(logs IS NULL, 'NULL', CONCAT('\\'', SUBSTRING_INDEX(logs, '.', 1), '\\''))) \
             FROM _prisma_migrations WHERE migration_name <> '{}' ORDER BY started_at, id",
            prisma::INIT
        );
        let rows = conn.query(sql).await?;
        conn.disconnect().await?;
        Ok(rows)
    }

    /// What a query gives, as the server prints it.
    pub async fn value(&self, sql: &str) -> Result<String> {
        let mut conn = self.scenario.connect().await?;
        let rows: Vec<Row> = conn.query(sql).await?;
        conn.disconnect().await?;
        let text = |value: Value| match value {
            Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            other => other.as_sql(true),
        };
        let line = |row: Row| row.unwrap().into_iter().map(text).collect::<Vec<_>>().join(", ");
        Ok(rows.into_iter().map(line).collect::<Vec<_>>().join("; "))
    }

    /// The whole text in one go, which the server splits; every result read. This is how Prisma runs a script.
    pub async fn feed(&self, script: &str) -> Result<(), mysql_async::Error> {
        let mut conn = self.scenario.connect().await.map_err(|error| mysql_async::Error::Other(error.into()))?;
        feed(&mut conn, script).await?;
        conn.disconnect().await
    }

    /// Applies a script as Prisma does, with its row in the ledger.
    pub async fn deploy_plainly(&self, name: &str, script: &str) -> Result<Result<(), mysql_async::ServerError>> {
        let mut conn = self.scenario.connect().await?;
        let id = uuid::Uuid::new_v4().to_string();
        conn.exec_drop(
            "INSERT INTO _prisma_migrations (id, checksum, started_at, migration_name) VALUES (?, ?, UTC_TIMESTAMP(3), ?)",
            (&id, prisma::checksum(script), name),
        )
        .await?;
        match self.feed(script).await {
            Ok(()) => {}
            Err(mysql_async::Error::Server(error)) => return Ok(Err(error)),
            Err(error) => bail!(error),
        }
        conn.exec_drop(
            "UPDATE _prisma_migrations SET applied_steps_count = 1, finished_at = UTC_TIMESTAMP(3) WHERE id = ?",
            (&id,),
        )
        .await?;
        Ok(Ok(()))
    }

    /// Everything of the schema that a migration can change.
    pub async fn picture(&self) -> Result<Vec<String>> {
        let mut conn = self.scenario.connect().await?;
        let mut picture = Vec::new();
        let tables: Vec<String> = conn
            .query("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1")
            .await?;
        for table in tables.iter().filter(|table| *table != "_prisma_migrations") {
            let row: Option<Row> = conn.query_first(format!("SHOW CREATE TABLE `{table}`")).await?;
            let definition: String = row.and_then(|row| row.get(1)).context("a definition")?;
            picture.push(definition.replace(&self.scenario.schema, "schema"));
            let mut rows = texts(&mut conn, &format!("SELECT * FROM `{table}`")).await?;
            rows.sort();
            picture.push(format!("rows of {table}: {}", rows.join("; ")));
        }
        // When MySQL itself splits a script, it keeps the semicolon behind a body of one statement.
        let programs = [
            "SELECT trigger_name, event_manipulation, event_object_table, action_timing, TRIM(TRAILING ';' FROM action_statement), sql_mode, \
             definer FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1",
            "SELECT routine_name, routine_type, TRIM(TRAILING ';' FROM routine_definition), sql_mode, definer \
             FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1",
            // Why a migration failed is told in more words by replank.
            "SELECT migration_name, checksum, finished_at IS NULL, finished_at IS NOT NULL AND logs IS NOT NULL, \
             rolled_back_at, applied_steps_count FROM _prisma_migrations ORDER BY started_at, migration_name",
        ];
        for sql in programs {
            picture.extend(texts(&mut conn, sql).await?);
        }
        conn.disconnect().await?;
        Ok(picture)
    }
}

pub async fn feed(conn: &mut Conn, script: &str) -> Result<(), mysql_async::Error> {
    conn.query_iter(script).await?.drop_result().await
}

/// Rows as text.
async fn texts(conn: &mut Conn, sql: &str) -> Result<Vec<String>> {
    let rows: Vec<Row> = conn.query(sql).await?;
    let text = |row: Row| row.unwrap().iter().map(|value| value.as_sql(true)).collect::<Vec<_>>().join(", ");
    Ok(rows.into_iter().map(text).collect())
}
