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
    /// Objects on the server that belong to it: `schema.name`, behind which triggers have ` (trigger)`, or ` (trigger on
    /// schema.table)` where that is another table than the run's.
    pub leftovers: Vec<String>,
    /// The table that it has taken out of use and keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptTable>,
    /// What to do next, most useful first; commands in backticks.
    pub next: Vec<String>,
}

/// A table that a finished run keeps, and what it costs to be able to go back to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptTable {
    /// `schema.table`.
    pub table: String,
    /// Until when, RFC 3339 in UTC; empty where the run did not say.
    pub until: String,
    /// Keys logged since the swap and not yet pruned, at most; `None` where there is no log, so no way back.
    pub logged: Option<u64>,
    /// Bytes of the log, as the server estimates them.
    pub log_bytes: u64,
}
