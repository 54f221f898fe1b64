//! What the application did, in the order in which it was acknowledged.
//!
//! Writers take turns, so their order is known; only held transactions run beside them, on rows of their own.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::support::Server;
use super::support::residue;

/// Whether a block ran before or after the change of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Before,
    After,
    /// One autocommitted statement, which the change came right before or right after.
    Unclear,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub writer: usize,
    pub when: When,
    pub act: Act,
}

#[derive(Debug, Clone)]
pub enum Act {
    /// Acknowledged statements.
    Done(Vec<String>),
    /// A block failed and was rolled back; the numbers it took are gone.
    Counter(u64),
}

#[derive(Debug, Default)]
pub struct Journal {
    pub entries: Vec<Entry>,
    /// Blocks begun, failed ones included.
    pub blocks: u64,
    /// Whether the table was seen changed.
    pub changed: bool,
}

/// An application's connection, with the settings of its own.
pub async fn connect(server: &Server, schema: &str, settings: &str) -> Result<Conn> {
    let mut conn = server.connect(schema).await?;
    // A case that waits for a row lock longer than that hangs.
    conn.query_drop("SET SESSION innodb_lock_wait_timeout = 10").await?;
    if !settings.is_empty() {
        conn.query_drop(settings).await.with_context(|| settings.to_owned())?;
    }
    Ok(conn)
}

/// Sends statements one by one; a result is read to its end.
pub async fn send(conn: &mut Conn, statements: &[String]) -> Result<(), mysql_async::Error> {
    for sql in statements {
        conn.query_drop(sql).await?;
    }
    Ok(())
}

/// The next number of the table's counter, as SHOW CREATE TABLE has it.
pub async fn counter(conn: &mut Conn, table: &str) -> Result<Option<u64>> {
    let text = show_create(conn, table).await?;
    let digits = text.split_once(" AUTO_INCREMENT=").map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
    digits.map(|digits| digits.trim().parse().context("AUTO_INCREMENT")).transpose()
}

pub async fn show_create(conn: &mut Conn, table: &str) -> Result<String> {
    let row: Option<(String, Vec<u8>)> = conn.query_first(format!("SHOW CREATE TABLE `{table}`")).await?;
    // MariaDB prints the default of a BINARY column as its bytes.
    row.map(|(_, text)| String::from_utf8_lossy(&text).into_owned()).with_context(|| format!("there is no `{table}`"))
}

/// The same without the counter.
pub async fn definition(conn: &mut Conn, table: &str) -> Result<String> {
    residue::definition(conn, &format!("`{table}`")).await
}

/// What a block that is held does besides its statements, and a replay of it need not.
pub fn is_pause(sql: &str) -> bool {
    sql.starts_with("DO SLEEP")
}

/// Does everything again on another copy of the table, with the server's own ALTER where the change was.
pub struct Replay<'a> {
    pub server: &'a Server,
    pub schema: &'a str,
    pub table: &'a str,
    pub clauses: &'a str,
    pub alter_session: &'a str,
    /// By writer.
    pub sessions: &'a [String],
}

impl Replay<'_> {
    pub async fn run(&self, entries: &[Entry], unclear: When) -> Result<()> {
        let mut conns = Vec::new();
        for settings in self.sessions {
            let mut conn = connect(self.server, self.schema, settings).await?;
            conn.query_drop("SET SESSION sql_log_bin = 0").await?;
            conns.push(conn);
        }
        let when = |entry: &Entry| if entry.when == When::Unclear { unclear } else { entry.when };
        let (before, after): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| when(entry) == When::Before);
        self.replay(&mut conns, &before).await.context("before the change")?;
        let mut alter = connect(self.server, self.schema, self.alter_session).await?;
        let sql = format!("ALTER TABLE `{}` {}", self.table, self.clauses);
        alter.query_drop(&sql).await.with_context(|| format!("the server's own {sql}"))?;
        self.replay(&mut conns, &after).await.context("after the change")?;
        for conn in conns.into_iter().chain([alter]) {
            tokio::time::timeout(Duration::from_secs(5), conn.disconnect()).await??;
        }
        Ok(())
    }

    async fn replay(&self, conns: &mut [Conn], entries: &[&Entry]) -> Result<()> {
        for entry in entries {
            let Some(conn) = conns.get_mut(entry.writer) else { bail!("no such writer") };
            match &entry.act {
                Act::Done(statements) => {
                    let acts: Vec<String> = statements.iter().filter(|sql| !is_pause(sql)).cloned().collect();
                    send(conn, &acts).await.with_context(|| format!("{acts:?}"))?;
                }
                Act::Counter(next) => {
                    conn.query_drop(format!("ALTER TABLE `{}` AUTO_INCREMENT = {next}", self.table)).await?;
                }
            }
        }
        Ok(())
    }
}
