//! The invariant of a running copy, checked from outside in consistent snapshots:
//! for every key inside the copied ranges that is not in the change log, the shadow row equals the mapped original
//! row, and a key absent from the original is absent from the shadow.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::load::Mapping;
use super::tables::{contents, each_row, key_bytes, key_text};
use super::{Scenario, quoted};

/// What can be said of a table at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Look {
    /// Nothing: the shadow is not there, or not watched.
    Away = 0,
    /// While it is copied: what is in the shadow is right.
    Copying = 1,
    /// When everything has been copied: nothing is missing either.
    Copied = 2,
}

/// Checks again and again, on a connection of its own, until it is told to stop.
#[derive(Debug)]
pub struct Watch {
    look: Arc<AtomicU8>,
    stop: Arc<AtomicU8>,
    task: JoinHandle<Result<Watched>>,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Watched {
    /// Snapshots checked while the table was being copied, and after.
    pub copying: usize,
    pub copied: usize,
    /// Log rows that were left out, over all snapshots: proof that the log was looked at.
    pub logged: usize,
    pub violations: Vec<String>,
}

impl Watch {
    pub async fn start(scenario: &Scenario, table: &str, mapping: &Mapping) -> Result<Watch> {
        let conn = scenario.connect().await?;
        let (look, stop) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicU8::new(0)));
        let beside = |schema: &str, suffix: &str| format!("{}.{}", quoted(schema), quoted(&format!("{table}{suffix}")));
        let watcher = Watcher {
            original: beside(&scenario.schema, ""),
            shadow: beside(&scenario.schema, "__rpk_new"),
            log: beside(&scenario.bookkeeping(), "__rpk_log"),
            mapping: mapping.clone(),
            conn,
        };
        let task = tokio::spawn(watcher.run(Arc::clone(&look), Arc::clone(&stop)));
        Ok(Watch { look, stop, task })
    }

    pub fn look(&self, look: Look) {
        self.look.store(look as u8, Ordering::SeqCst);
    }

    pub async fn stop(self) -> Result<Watched> {
        self.stop.store(1, Ordering::SeqCst);
        self.task.await?
    }
}

impl Watched {
    pub fn expect_invariant(&self) -> Result<()> {
        ensure!(self.copying + self.copied > 0, "no snapshot was checked");
        ensure!(
            self.violations.is_empty(),
            "the invariant did not hold {} times in {} snapshots, first: {}",
            self.violations.len(),
            self.copying + self.copied,
            self.violations[0]
        );
        Ok(())
    }
}

struct Watcher {
    original: String,
    shadow: String,
    log: String,
    mapping: Mapping,
    conn: Conn,
}

impl Watcher {
    async fn run(mut self, look: Arc<AtomicU8>, stop: Arc<AtomicU8>) -> Result<Watched> {
        let mut watched = Watched::default();
        while stop.load(Ordering::SeqCst) == 0 {
            // A snapshot that begins after this is read shows at least what is claimed here.
            let look = look.load(Ordering::SeqCst);
            if look != Look::Away as u8 {
                let is_copied = look == Look::Copied as u8;
                match self.check(is_copied, &mut watched).await {
                    Ok(()) if is_copied => watched.copied += 1,
                    Ok(()) => watched.copying += 1,
                    Err(error) if is_being_defined(&error) => {}
                    Err(error) => return Err(error.context("the invariant could not be checked")),
                }
                self.conn.query_drop("ROLLBACK").await?;
            }
            // A snapshot holds the tables' metadata, so pauses leave room for lock windows.
            sleep(Duration::from_millis(100)).await;
        }
        self.conn.disconnect().await?;
        Ok(watched)
    }

    async fn check(&mut self, is_copied: bool, watched: &mut Watched) -> Result<()> {
        let conn = &mut self.conn;
        conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        conn.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
        let mut logged = HashSet::new();
        let key: Vec<String> = self.mapping.before().0;
        let sql = format!("SELECT {} FROM {}", key.join(", "), self.log);
        each_row(conn, &sql, |row| {
            logged.insert(key_bytes(&row));
        })
        .await?;
        let (key, columns) = self.mapping.after();
        let shadow = contents(conn, &self.shadow, &key, &columns).await.context("the shadow")?;
        let (key, columns) = self.mapping.before();
        let original = contents(conn, &self.original, &key, &columns).await.context("the original")?;
        for (key, row) in &shadow {
            match original.get(key) {
                _ if logged.contains(key) => {}
                Some(same) if same == row => {}
                Some(_) => watched.violations.push(format!("{} differs", key_text(key))),
                None => watched.violations.push(format!("{} is only in the shadow", key_text(key))),
            }
        }
        if is_copied {
            let is_missing = |key: &&Vec<u8>| !shadow.contains_key(*key) && !logged.contains(*key);
            let missing = original.keys().filter(is_missing);
            watched.violations.extend(missing.map(|key| format!("{} is missing from the shadow", key_text(key))));
        }
        watched.logged += logged.len();
        Ok(())
    }
}

/// A table that is not there yet or any more, or got an index since the snapshot was taken.
fn is_being_defined(error: &anyhow::Error) -> bool {
    let server = error.chain().find_map(|cause| match cause.downcast_ref::<Error>() {
        Some(Error::Server(server)) => Some(server.code),
        _ => None,
    });
    matches!(server, Some(1049 | 1146 | 1412))
}
