//! What a run tells: one closed enum for facts, one snapshot of cumulative numbers.
//!
//! The engine only emits; it never prints. Facts travel on an unbounded channel and are never lost (a run has a few
//! hundred). Snapshots are cumulative, so a slow reader may miss any of them without being wrong later.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};
use serde::{Deserialize, Serialize};

/// A phase of the pipeline, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Read, inspect, choose, check.
    Plan,
    /// Owner lock, bookkeeping, shadow table, change log, triggers.
    Prepare,
    /// Copy chunks while the applier mirrors.
    Copy,
    /// Build the secondary indexes of the shadow.
    Index,
    /// Bring the kept old table up to date, on the way back.
    Drain,
    /// Compare both tables without a lock.
    Verify,
    /// Swap the tables.
    Cutover,
    /// Add foreign keys to the table and prove them.
    Constrain,
    /// Write the migration and its ledger row.
    Record,
    /// Remove what the run made.
    Cleanup,
    /// The server's own ALTER with an asserted algorithm, in place of prepare to cutover.
    Native,
}

impl Phase {
    /// The word users see.
    pub fn label(self) -> &'static str {
        match self {
            Phase::Plan => "plan",
            Phase::Prepare => "prepare",
            Phase::Copy => "copy",
            Phase::Index => "index",
            Phase::Drain => "drain",
            Phase::Verify => "verify",
            Phase::Cutover => "cutover",
            Phase::Constrain => "constrain",
            Phase::Record => "record",
            Phase::Cleanup => "cleanup",
            Phase::Native => "native",
        }
    }
}

/// How a statement is run that needs nothing of replank.
pub const AS_IT_IS: &str = "as it is";

/// Something worth telling, once.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run has an identity and a plan.
    RunStarted {
        /// `schema.table`, as it is typed on a command line.
        table: String,
        /// Full migration name, stamp included.
        migration: String,
        /// The strategy and why, one line.
        strategy: String,
        /// Estimated rows of the original.
        rows_estimate: u64,
        /// True when an earlier run is continued.
        resumed: bool,
    },
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// A phase is over.
    PhaseFinished {
        /// Which.
        phase: Phase,
        /// How long it took.
        #[serde(rename = "seconds", serialize_with = "as_seconds")]
        took: Duration,
    },
    /// Something a user should know that stops nothing.
    Notice {
        /// A sentence.
        text: String,
    },
    /// A statement is tried again.
    Retry {
        /// What was being done.
        what: String,
        /// How often it has been tried.
        attempt: u32,
        /// The server's error.
        error: String,
    },
    /// The copy waits; again when another limit is over as well.
    Throttled {
        /// Every limit that is over, with its value: `replica lag 12.4s > 5s on db-2`.
        reasons: Vec<String>,
    },
    /// The copy goes on.
    Unthrottled {
        /// How long it waited.
        #[serde(rename = "seconds", serialize_with = "as_seconds")]
        waited: Duration,
    },
    /// A chunk was copied.
    ChunkCopied {
        /// Rows inserted.
        rows: u64,
        /// Wall time of the statement.
        #[serde(rename = "seconds", serialize_with = "as_seconds")]
        took: Duration,
    },
    /// The applier made a batch of keys equal.
    BatchApplied {
        /// Log rows consumed.
        keys: u64,
        /// Wall time, waiting for chunks in flight included.
        #[serde(rename = "seconds", serialize_with = "as_seconds")]
        took: Duration,
    },
    /// Rows that differed were given to the applier.
    RowsRepaired {
        /// How many keys.
        rows: u64,
        /// Up to ten of them, for people.
        keys: Vec<String>,
    },
    /// An attempt to get the lock for a window.
    LockAttempt {
        /// What the lock is for: `native`, `triggers` or `cutover`.
        purpose: String,
        /// Attempts so far.
        attempt: u32,
        /// Whether it was granted.
        granted: bool,
        /// How long the request was pending.
        #[serde(rename = "seconds", serialize_with = "as_seconds")]
        pending: Duration,
        /// Who holds the table, when known and not granted.
        blocker: Option<String>,
    },
    /// A window in which writers waited is over: from lock granted to unlocked.
    LockWindow {
        /// `native`, `triggers` or `cutover`.
        purpose: String,
        /// Its length.
        #[serde(rename = "seconds", serialize_with = "as_seconds")]
        length: Duration,
    },
    /// The tables are swapped.
    Swapped {
        /// Where the old table is now, `schema.table`.
        old_table: String,
    },
    /// The old table is back in its place.
    RolledBack {
        /// The migration that is taken back, as the run was named.
        migration: String,
    },
    /// The migration is recorded.
    Recorded {
        /// Path of migration.sql.
        file: String,
        /// Its checksum, lower-case hexadecimal SHA-256.
        checksum: String,
    },
    /// The migrations directory was read.
    MigrationsFound {
        /// How many it has.
        count: u64,
        /// The directory.
        directory: String,
    },
    /// The database was missing and was created.
    DatabaseCreated {
        /// Its name.
        name: String,
        /// `host:port`.
        location: String,
    },
    /// A migration is being applied.
    MigrationStarted {
        /// Its name.
        migration: String,
        /// Statements in its script.
        statements: u64,
        /// Statements that an earlier deploy has done already; `None` when this one begins it.
        resumed_after: Option<u64>,
    },
    /// A statement of a migration is begun, or several that are one change of a table.
    StatementStarted {
        /// The number of the first, from 1.
        number: u64,
        /// The number of the last.
        to: u64,
        /// How it is run: [`AS_IT_IS`], `by replank`, `in a lock window`.
        how: &'static str,
        /// Its first words.
        text: String,
    },
    /// A big table is about to be changed by the server in a way that blocks writes, as was allowed.
    Blocking {
        /// `schema.table`.
        table: String,
        /// Why it is not done online.
        reason: String,
    },
    /// A migration is applied and recorded.
    MigrationFinished {
        /// Its name.
        migration: String,
        /// How long it took this process.
        #[serde(rename = "seconds", serialize_with = "as_seconds")]
        took: Duration,
    },
    /// The run is over and the change has happened.
    Finished {
        /// Total time.
        #[serde(rename = "seconds", serialize_with = "as_seconds")]
        took: Duration,
        /// Rows copied by chunks.
        rows_copied: u64,
        /// Keys applied from the change log.
        keys_applied: u64,
        /// Where the old table is kept, `None` when dropped or when the server altered in place.
        old_table: Option<String>,
    },
}

fn as_seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Milliseconds are enough for people and for plots; more digits only add noise to a diff.
    serializer.serialize_f64((duration.as_secs_f64() * 1e3).round() / 1e3)
}

/// Cumulative numbers of a run, as of now.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// The phase that runs.
    pub phase: Option<Phase>,
    /// Rows this phase has done (copied, verified, or 0).
    pub rows_done: u64,
    /// Rows this phase expects, an estimate until it is done.
    pub rows_total: u64,
    /// Change-log rows that wait for the applier.
    pub backlog: u64,
    /// Keys applied so far.
    pub keys_applied: u64,
    /// Current chunk size in rows.
    pub chunk_rows: u64,
    /// Why the copy waits, empty when it does not.
    pub waiting_for: Vec<String>,
}

/// The engine's end: emits and never waits.
#[derive(Debug, Clone)]
pub struct Events {
    facts: Sender<Event>,
    snapshots: Sender<Snapshot>,
}

/// The edge's end: reads both.
#[derive(Debug, Clone)]
pub struct EventStream {
    /// Facts, none lost.
    pub facts: Receiver<Event>,
    /// Snapshots, lossy.
    pub snapshots: Receiver<Snapshot>,
}

/// Makes both ends.
pub fn channel() -> (Events, EventStream) {
    let (facts, facts_rx) = unbounded();
    // A few snapshots of slack keep a slow terminal from losing the newest one for longer than a tick.
    let (snapshots, snapshots_rx) = bounded(8);
    (Events { facts, snapshots }, EventStream { facts: facts_rx, snapshots: snapshots_rx })
}

impl Events {
    /// Tells a fact. A reader that has gone away is no reason to stop a change.
    pub fn emit(&self, event: Event) {
        crate::telemetry::record(&event);
        let _ = self.facts.send(event);
    }

    /// Offers a snapshot; dropped when nobody has read the last ones.
    pub fn offer(&self, snapshot: Snapshot) {
        crate::telemetry::record_snapshot(&snapshot);
        match self.snapshots.try_send(snapshot) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// A notice.
    pub fn notice(&self, text: impl Into<String>) {
        self.emit(Event::Notice { text: text.into() });
    }
}
