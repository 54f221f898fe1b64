//! A schema of its own on a server, and the folder of a small Prisma project that owns it.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use tempfile::TempDir;

use super::program::Program;
use super::servers::Server;
use super::{block_on, prisma};

/// A schema with `_prisma_migrations`, and its project folder. Both are gone when this is dropped; with
/// REPLANK_TEST_KEEP set, both stay for a look.
#[derive(Debug)]
pub struct Scenario {
    pub server: Server,
    pub schema: String,
    project: Option<TempDir>,
    kept: bool,
}

impl Scenario {
    /// Makes the schema with the given tables. The topic becomes part of the schema's name, for people who look.
    pub async fn new(server: &Server, topic: &str, ddl: &[&str]) -> Result<Scenario> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        Scenario::named(server, &format!("t_{topic}_{}", &unique[..8]), ddl).await
    }

    /// The same with a name of the caller's; a schema of that name is replaced.
    pub async fn named(server: &Server, schema: &str, ddl: &[&str]) -> Result<Scenario> {
        let project = tempfile::Builder::new().prefix("replank-").tempdir()?;
        // On a machine that does something else besides, a quiet moment may be long in coming.
        fs::write(project.path().join("replank.toml"), "lock_patience = \"120s\"\n")?;
        let kept = std::env::var_os("REPLANK_TEST_KEEP").is_some();
        let scenario = Scenario { server: server.clone(), schema: schema.to_owned(), project: Some(project), kept };
        drop_schemas(server, schema).await?;
        let mut conn = server.connect("").await?;
        let quoted = quoted(schema);
        // What `prisma migrate` makes a database with.
        conn.query_drop(format!("CREATE DATABASE {quoted} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")).await?;
        conn.query_drop(format!("USE {quoted}")).await?;
        for statement in ddl {
            conn.query_drop(*statement).await.with_context(|| (*statement).to_owned())?;
        }
        prisma::initialise(&mut conn, scenario.project(), ddl).await?;
        conn.disconnect().await?;
        Ok(scenario)
    }

    /// Leaves the schema and the project for a look.
    pub fn keep(&mut self, kept: bool) {
        self.kept |= kept;
    }

    pub fn project(&self) -> &Path {
        self.project.as_ref().expect("kept until this is dropped").path()
    }

    pub fn migrations(&self) -> PathBuf {
        self.project().join("prisma/migrations")
    }

    /// Where replank keeps its books.
    pub fn bookkeeping(&self) -> String {
        bookkeeping(&self.schema)
    }

    pub fn url(&self) -> String {
        self.server.url(&self.schema)
    }

    pub async fn connect(&self) -> Result<mysql_async::Conn> {
        self.server.connect(&self.schema).await
    }

    pub async fn execute(&self, sql: &str) -> Result<()> {
        let mut conn = self.connect().await?;
        conn.query_drop(sql).await.with_context(|| sql.to_owned())?;
        Ok(conn.disconnect().await?)
    }

    /// Inserts rows whose columns are SQL expressions over `n` = 0, 1, 2, …; a million short rows take about 10 s.
    pub async fn seed(&self, table: &str, columns: &str, expressions: &str, rows: u64) -> Result<()> {
        // Small enough to keep undo, binary log cache and the time of one transaction moderate.
        const BATCH: u64 = 50_000;
        let quoted = quoted(table);
        let mut conn = self.connect().await?;
        let digit = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
                     UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
        for start in (0..rows).step_by(BATCH as usize) {
            let end = rows.min(start + BATCH);
            conn.query_drop(format!(
                "INSERT INTO {quoted} ({columns}) SELECT {expressions} FROM (\
                 SELECT {start} + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d AS n \
                 FROM {digit} e, {digit} d, {digit} c, {digit} b, {digit} a) numbers WHERE n < {end} ORDER BY n"
            ))
            .await
            .with_context(|| format!("seeding {quoted}"))?;
        }
        // Estimates of a table filled a moment ago are often zero, which would make any plan look cheap.
        conn.query_drop(format!("ANALYZE TABLE {quoted}")).await?;
        Ok(conn.disconnect().await?)
    }

    /// Lets the server count the rows of every table.
    pub async fn analyze(&self) -> Result<()> {
        let mut conn = self.connect().await?;
        let sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
                   AND table_type = 'BASE TABLE'";
        let tables: Vec<String> = conn.query(sql).await?;
        for table in tables {
            conn.query_drop(format!("ANALYZE TABLE {}", quoted(&table))).await?;
        }
        Ok(conn.disconnect().await?)
    }

    /// A table as it is typed: with backticks where they are needed.
    pub fn target(&self, table: &str) -> String {
        let is_plain = |name: &str| name.chars().all(|ch| ch.is_alphanumeric() || ch == '_');
        match is_plain(&self.schema) && is_plain(table) {
            true => format!("{}.{table}", self.schema),
            false => format!("{}.{}", quoted(&self.schema), quoted(table)),
        }
    }

    /// `replank COMMAND SCHEMA.TABLE`, in this project, with JSON events on stdout.
    pub fn replank(&self, command: &str, table: &str) -> Program {
        let target = self.target(table);
        Program::new(self.project()).args([command, &target, "--url", &self.url(), "--output", "json"])
    }

    /// `replank alter` of a table.
    pub fn alter(&self, table: &str, clauses: &str, name: &str) -> Program {
        self.replank("alter", table).args(["--alter", clauses, "--name", name])
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if self.kept {
            let project = self.project.take().map(TempDir::keep);
            eprintln!("kept: {} and {}", self.url(), project.unwrap_or_default().display());
            return;
        }
        let (server, schema) = (self.server.clone(), self.schema.clone());
        // This may run inside the test's runtime, which cannot be blocked on.
        let dropped = thread::spawn(move || block_on(drop_schemas(&server, &schema))).join();
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("`{}` could not be dropped: {dropped:?}", self.schema);
        }
    }
}

/// A name as it goes into SQL.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn bookkeeping(schema: &str) -> String {
    format!("{schema}__replank")
}

async fn drop_schemas(server: &Server, schema: &str) -> Result<()> {
    let mut conn = server.connect("").await?;
    for schema in [schema, &bookkeeping(schema)] {
        drop_schema(&mut conn, schema).await?;
    }
    Ok(conn.disconnect().await?)
}

/// Drops a schema with its tables.
pub async fn drop_schema(conn: &mut mysql_async::Conn, schema: &str) -> Result<()> {
    match conn.query_drop(format!("DROP DATABASE IF EXISTS {}", quoted(schema))).await {
        // MariaDB seldom leaves its own copy of a table's triggers behind when the last of them is made (`TABLE.TRG-`, with
        // the two before), and then cannot remove the folder of the schema, which is empty but for that.
        Err(mysql_async::Error::Server(error)) if error.code == 1010 => {
            eprintln!("{schema}: {}", error.message);
            Ok(())
        }
        dropped => Ok(dropped?),
    }
}

/// Reads a file of the project, with its path in the error.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}
