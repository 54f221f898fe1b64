//! What a run was asked to do, as typed values with units. No command-line types here.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use mysql_async::Opts;

use crate::sql::TableName;

/// How long an old table is kept where nobody said: a week has every kind of day.
pub const KEEP_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One change of one table.
#[derive(Debug, Clone)]
pub struct AlterRequest {
    /// The server of the table.
    pub server: Opts,
    /// The table to change.
    pub table: TableName,
    /// The clauses as typed, without `ALTER TABLE name`.
    pub clauses: String,
    /// Migration name without its stamp, `add_order_sku`.
    pub name: String,
    /// The step of a deploy that asks for the change and keeps Prisma's ledger by itself.
    pub step: Option<String>,
    /// The settings that a resume takes again.
    pub options: RunOptions,
}

/// How a change runs.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The migrations directory, `prisma/migrations`.
    pub migrations: PathBuf,
    /// Schema for bookkeeping; `None` means `<schema>__replank`.
    pub bookkeeping: Option<String>,
    /// Drop the old table at once instead of keeping it in the bookkeeping schema.
    pub drop_old: bool,
    /// How long it is kept.
    pub keep_for: Duration,
    /// Whether the change is recorded as a Prisma migration.
    pub record: bool,
    /// Parallel chunk workers.
    pub workers: u32,
    /// Time a chunk aims at.
    pub chunk_time: Duration,
    /// Ceiling of the copy.
    pub max_rows_per_second: Option<NonZeroU32>,
    /// Replicas whose lag holds the copy back.
    pub replicas: Vec<Opts>,
    /// Lag over which the copy waits.
    pub max_lag: Duration,
    /// Status variables over which the copy waits.
    pub max_load: Vec<LoadLimit>,
    /// How long to try for a lock window (triggers, cutover) before giving up.
    pub lock_patience: Duration,
    /// Space that must stay free on the data disk, in bytes.
    pub disk_reserve: u64,
    /// Never choose the server's own ALTER, always copy.
    pub force_copy: bool,
}

/// A limit on a numeric status variable, `Threads_running=40`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadLimit {
    /// The variable of SHOW GLOBAL STATUS.
    pub variable: String,
    /// The copy waits while the value is over this.
    pub limit: u64,
}

impl RunOptions {
    /// What is needed to take a run back or to drop what it keeps: nothing is copied.
    pub fn for_takedown(bookkeeping: Option<String>, lock_patience: Duration) -> RunOptions {
        RunOptions {
            migrations: PathBuf::new(),
            bookkeeping,
            drop_old: false,
            keep_for: KEEP_FOR,
            record: false,
            workers: 1,
            chunk_time: Duration::from_secs(1),
            max_rows_per_second: None,
            replicas: Vec::new(),
            max_lag: Duration::MAX,
            max_load: Vec::new(),
            lock_patience,
            disk_reserve: 0,
            force_copy: false,
        }
    }
}
