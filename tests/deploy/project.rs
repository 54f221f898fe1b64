//! A schema and the migrations of its project, deployed by replank or, statement by statement, by the test itself.

use std::fs;

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};

use crate::support::{Program, Scenario, Server, prisma};

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
        let programs = [
            "SELECT trigger_name, event_manipulation, event_object_table, action_timing, action_statement, sql_mode, \
             definer FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1",
            "SELECT routine_name, routine_type, routine_definition, sql_mode, definer \
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
