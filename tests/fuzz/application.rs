//! The application that writes while the table is changed, and the order in which its writes were acknowledged.
//!
//! Sessions take turns, and one of them may hold a transaction open meanwhile; whoever waits for it makes it commit.
//! InnoDB keeps every row lock to the end of a transaction, so doing the transactions again one after the other, in the
//! order of their commits, gives the same rows.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::plan::{End, Plan, Statement, TABLE, Write};
use super::types::Key;
use super::verdict::counter;
use crate::support::Server;
use crate::support::load::{Failed, RETRYABLE, Record};

/// How long a write may wait before an open transaction is thought to be in its way.
const IN_THE_WAY: Duration = Duration::from_millis(25);
/// Other writes that an open transaction outlasts, at most.
const OUTLASTED: u32 = 6;

/// Writes after the end of the change.
const LAST_WRITES: u32 = 8;

/// What the sessions differ in.
const ZONES: [&str; 3] = ["+00:00", "+05:00", "-08:30"];

/// A transaction and what came of it.
#[derive(Debug, Clone)]
pub struct Done {
    pub session: usize,
    pub write: Write,
    /// `@n` and what it was at for the server's clock.
    pub number: u64,
    /// The counter's first value for each statement that takes one, also for the one that failed.
    pub counted: Vec<u64>,
    /// Error numbers by which it failed, and the statement.
    pub failed: Option<(u16, String, String)>,
    /// Whether the new definition was there already; `None` when it came just then.
    pub after: Option<bool>,
}

/// What was written.
#[derive(Debug, Default)]
pub struct Written {
    /// In the order of commits; what failed where it failed.
    pub done: Vec<Done>,
    /// Lock waits and deadlocks (1205, 1213). Of the sessions only one waits while another has a transaction open, so they
    /// cannot come from the application alone.
    pub record: Record,
}

pub struct Application {
    schema: String,
    /// One is taken out while it sends.
    sessions: Vec<Option<Conn>>,
    rng: ChaCha8Rng,
    /// The definition as each session prints it: the default of a TIMESTAMP is in its time zone.
    before: Vec<String>,
    /// Whether another definition was seen; it never comes back.
    is_after: bool,
    /// A session with an open transaction, what it did, and after how many writes it ends.
    open: Option<(usize, Done, u32)>,
    written: Written,
}

impl Application {
    pub async fn connect(server: &Server, schema: &str, seed: u64) -> Result<Application> {
        let (mut sessions, mut before) = (Vec::new(), Vec::new());
        for session in 0..ZONES.len() {
            let mut conn = connect(server, schema, session).await?;
            before.push(definition(&mut conn).await?);
            sessions.push(Some(conn));
        }
        Ok(Application {
            schema: schema.to_owned(),
            sessions,
            rng: ChaCha8Rng::seed_from_u64(seed),
            before,
            is_after: false,
            open: None,
            written: Written::default(),
        })
    }

    /// Writes again and again until it is told to stop, and a little longer.
    pub async fn write(mut self, plan: Plan, stop: CancellationToken) -> Result<Written> {
        let (mut number, mut left) = (0, LAST_WRITES);
        while left > 0 && !plan.writes.is_empty() {
            number += 1;
            left -= u32::from(stop.is_cancelled());
            let write = plan.writes[self.rng.random_range(0..plan.writes.len())].clone();
            self.one(write, number, plan.key).await.with_context(|| format!("writing to {}", self.schema))?;
        }
        self.end_open().await?;
        for conn in self.sessions.into_iter().flatten() {
            conn.disconnect().await?;
        }
        Ok(self.written)
    }

    async fn one(&mut self, write: Write, number: u64, key: &'static Key) -> Result<()> {
        let busy = self.open.as_ref().map(|(session, ..)| *session);
        let free: Vec<usize> = (0..self.sessions.len()).filter(|&session| Some(session) != busy).collect();
        let session = free[self.rng.random_range(0..free.len())];
        let held = write.end == End::CommitLater && busy.is_none();
        let mut done = Done { session, write, number, counted: Vec::new(), failed: None, after: None };
        let mut conn = self.sessions[session].take().expect("only one is taken out at a time");
        let (before, is_after) = (self.before[session].clone(), self.is_after);
        let mut sending = tokio::spawn(async move {
            let sent = send(&mut conn, &mut done, key, &before, is_after, held).await;
            (conn, done, sent)
        });
        let finished = match timeout(IN_THE_WAY, &mut sending).await {
            Ok(finished) => finished,
            Err(_) => {
                self.end_open().await?;
                sending.await
            }
        };
        let (conn, done, sent) = finished?;
        self.sessions[session] = Some(conn);
        let error = sent?;
        let retryable = error.is_some();
        self.written.record.errors.extend(error);
        self.is_after |= done.after != Some(false);
        if let Some((_, _, left)) = &mut self.open {
            *left = left.saturating_sub(1);
        }
        match retryable {
            true => {}
            false if held && done.failed.is_none() => {
                let left = self.rng.random_range(1..=OUTLASTED);
                self.open = Some((session, done, left));
            }
            false => self.written.done.push(done),
        }
        if self.open.as_ref().is_some_and(|(_, _, left)| *left == 0) {
            self.end_open().await?;
        }
        Ok(())
    }

    async fn end_open(&mut self) -> Result<()> {
        if let Some((session, done, _)) = self.open.take() {
            self.sessions[session].as_mut().expect("it sends nothing else").query_drop("COMMIT").await?;
            self.written.done.push(done);
        }
        Ok(())
    }
}

/// A session as those of the application are.
pub async fn connect(server: &Server, schema: &str, session: usize) -> Result<Conn> {
    let mut conn = server.connect(schema).await?;
    conn.query_drop(format!("SET time_zone = '{}'", ZONES[session])).await?;
    Ok(conn)
}

/// What a session sets before a write, so that it can be done again.
pub fn settings(number: u64) -> String {
    format!("SET @n = {number}, timestamp = {}", 1_700_000_000 + number)
}

/// Sends a write up to its end, or up to the end when it is to be held. Gives the error for which it has to be sent again by
/// whoever wants it.
async fn send(
    conn: &mut Conn,
    done: &mut Done,
    key: &Key,
    before: &str,
    is_after: bool,
    held: bool,
) -> Result<Option<Failed>> {
    conn.query_drop(settings(done.number)).await?;
    // The new table may count on from elsewhere, so the counter is asked for in a transaction that has used the table.
    let asks = done.write.statements.iter().any(|statement| statement.counts(key) && !statement.is_plain_insert());
    let autocommit = done.write.is_alone() && done.number.is_multiple_of(2) && !asks;
    if !autocommit {
        conn.query_drop("START TRANSACTION").await?;
    }
    if asks {
        conn.query_drop(format!("SELECT 1 FROM `{TABLE}` LIMIT 0")).await?;
    }
    for (sql, statement) in done.write.script().into_iter().zip(done.write.in_script()) {
        // What the server tells afterwards is the key of some row that was there already, or nothing. Nobody else sends
        // anything meanwhile.
        let next = match statement {
            Some(statement) if statement.counts(key) => next_of_counter(conn).await?,
            _ => 0,
        };
        match conn.query_drop(&sql).await {
            Ok(()) if statement.is_some_and(Statement::is_plain_insert) => {
                done.counted.push(conn.last_insert_id().unwrap_or(0));
            }
            Ok(()) => done.counted.push(next),
            Err(Error::Server(error)) => {
                let at = Instant::now();
                conn.query_drop("ROLLBACK").await?;
                if RETRYABLE.contains(&error.code) {
                    done.after = Some(is_after);
                    let (code, message) = (error.code, format!("{} at {sql}", error.message));
                    let what = "a transaction";
                    return Ok(Some(Failed { at, code, message, what, retried: true, self_inflicted: false }));
                }
                done.counted.push(next);
                done.failed = Some((error.code, error.message, sql));
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    // A transaction that has used the table keeps its definition to the end.
    let is_kept = !autocommit && done.failed.is_none();
    done.after = match definition(conn).await? != before {
        false => Some(false),
        true => (is_kept || is_after).then_some(true),
    };
    if is_kept {
        match done.write.end {
            End::Rollback => conn.query_drop("ROLLBACK").await?,
            End::CommitLater if held => {}
            End::Commit | End::CommitLater | End::BackToSavepoint => conn.query_drop("COMMIT").await?,
        }
    }
    Ok(None)
}

/// The value that the counter gives next.
async fn next_of_counter(conn: &mut Conn) -> Result<u64> {
    Ok(counter(conn).await?.map(|value| value.parse()).transpose()?.unwrap_or(1))
}

async fn definition(conn: &mut Conn) -> Result<String> {
    crate::support::residue::definition(conn, &format!("`{TABLE}`")).await
}
