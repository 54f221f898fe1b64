//! What is known of a run from the outside: plain data for `replank status`.

use serde::Serialize;

/// A run as its bookkeeping and the server's tables show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunStatus {
    /// `schema.table`; of a plan that was killed, the table it left.
    pub table: String,
    /// Migration name, stamp included; empty where it is not known, as are the times.
    pub migration: String,
    /// One word: `running`, `stopped`, `finished`, `killed` for a plan.
    pub state: String,
    /// The phase it is or was in.
    pub phase: String,
    /// Rows the phase has done.
    pub rows_done: u64,
    /// Rows the phase expects, 0 when it has no such number.
    pub rows_total: u64,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// When it last wrote its bookkeeping, RFC 3339 in UTC.
    pub updated_at: String,
    /// Whether a process holds the run's owner lock.
    pub owner_alive: bool,
    /// Objects on the server that belong to it, `schema.name`.
    pub leftovers: Vec<String>,
    /// What to do next, most useful first; commands in backticks.
    pub next: Vec<String>,
}
