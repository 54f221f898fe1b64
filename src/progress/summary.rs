//! What a run has done, gathered from its facts.

use std::time::Duration;

use serde::Serialize;

use crate::event::Event;

/// The facts a user wants after the end.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// `schema.table`.
    pub table: String,
    /// Migration name, stamp included.
    pub migration: String,
    /// The strategy and why.
    pub strategy: String,
    /// Whether an earlier run was continued.
    pub resumed: bool,
    /// Whether the change has happened and everything after it too.
    pub finished: bool,
    /// Whether the change is that of an earlier run taken back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rolled_back: bool,
    /// Total time.
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub took: Duration,
    /// Rows copied by chunks.
    pub rows_copied: u64,
    /// Keys applied from the change log.
    pub keys_applied: u64,
    /// Rows that verification gave to the applier.
    pub rows_repaired: u64,
    /// Statements that were tried again.
    pub retries: u64,
    /// Windows in which writers waited.
    pub lock_windows: Vec<Window>,
    /// Where the old table is kept.
    pub old_table: Option<String>,
    /// Path of migration.sql.
    pub file: Option<String>,
    /// Its checksum.
    pub checksum: Option<String>,
}

/// A window in which writers waited.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// `native`, `triggers` or `cutover`.
    pub purpose: String,
    /// From lock granted to unlocked.
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub length: Duration,
}

impl Summary {
    /// Takes a fact.
    pub fn add(&mut self, event: &Event) {
        match event {
            Event::RunStarted { table, migration, strategy, resumed, .. } => {
                self.table.clone_from(table);
                self.migration.clone_from(migration);
                self.strategy.clone_from(strategy);
                self.resumed = *resumed;
            }
            Event::RowsRepaired { rows, .. } => self.rows_repaired += rows,
            Event::Retry { .. } => self.retries += 1,
            Event::LockWindow { purpose, length } => {
                self.lock_windows.push(Window { purpose: purpose.clone(), length: *length });
            }
            Event::Swapped { old_table } => self.old_table = Some(old_table.clone()),
            Event::RolledBack { .. } => self.rolled_back = true,
            Event::Recorded { file, checksum } => {
                self.file = Some(file.clone());
                self.checksum = Some(checksum.clone());
            }
            Event::Finished { took, rows_copied, keys_applied, old_table } => {
                self.finished = true;
                self.took = *took;
                self.rows_copied = *rows_copied;
                self.keys_applied = *keys_applied;
                self.old_table.clone_from(old_table);
            }
            Event::MigrationsFound { .. }
            | Event::DatabaseCreated { .. }
            | Event::MigrationStarted { .. }
            | Event::StatementStarted { .. }
            | Event::Blocking { .. }
            | Event::MigrationFinished { .. }
            | Event::PhaseStarted { .. }
            | Event::PhaseFinished { .. }
            | Event::Notice { .. }
            | Event::Throttled { .. }
            | Event::Unthrottled { .. }
            | Event::ChunkCopied { .. }
            | Event::BatchApplied { .. }
            | Event::LockAttempt { .. } => {}
        }
    }
}

fn as_seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1e3).round() / 1e3)
}
