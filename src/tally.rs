//! Cumulative numbers of a run, written by whoever does the work and read by whoever tells of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::{Phase, Snapshot};

/// The counters. Relaxed everywhere: they are told, never decided on.
#[derive(Debug, Default)]
pub struct Tally {
    /// Rows the current phase has done.
    pub rows_done: AtomicU64,
    /// Rows the current phase expects.
    pub rows_total: AtomicU64,
    /// Rows all chunks copied, over resumes too.
    pub rows_copied: AtomicU64,
    /// Keys applied.
    pub keys_applied: AtomicU64,
    /// Change-log rows that wait.
    pub backlog: AtomicU64,
    /// Size of the next chunk in rows.
    pub chunk_rows: AtomicU64,
    phase: Mutex<Option<Phase>>,
    waiting_for: Mutex<Vec<String>>,
}

impl Tally {
    /// A phase begins: its own counters start over.
    pub fn enter(&self, phase: Phase) {
        *self.phase.lock().expect("no panic while held") = Some(phase);
        self.rows_done.store(0, Ordering::Relaxed);
    }

    /// Why the copy waits; empty when it does not.
    pub fn set_waiting_for(&self, reasons: Vec<String>) {
        *self.waiting_for.lock().expect("no panic while held") = reasons;
    }

    /// The numbers as of now.
    pub fn snapshot(&self) -> Snapshot {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            phase: *self.phase.lock().expect("no panic while held"),
            rows_done: load(&self.rows_done),
            rows_total: load(&self.rows_total),
            backlog: load(&self.backlog),
            keys_applied: load(&self.keys_applied),
            chunk_rows: load(&self.chunk_rows),
            waiting_for: self.waiting_for.lock().expect("no panic while held").clone(),
        }
    }
}
