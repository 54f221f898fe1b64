//! A plan as it is told: plain data for the edge to render, nothing the engine decides from.

use serde::Serialize;

/// What a change would do and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// `schema.table`.
    pub table: String,
    /// Migration name, stamp included when it is known.
    pub migration: String,
    /// `online copy`, `instant` or `in place`.
    pub strategy: String,
    /// Why this strategy, one sentence.
    pub reason: String,
    /// The server with its version, `MariaDB 10.11.19`.
    pub server: String,
    /// The server's estimate of the rows, which can be off by half.
    pub rows_estimate: u64,
    /// Bytes of the table and its indexes.
    pub bytes: u64,
    /// The key the copy walks, `None` when nothing is copied.
    pub key: Option<String>,
    /// Bytes that the change needs free on the data disk, `None` when it needs none.
    pub disk_needed: Option<u64>,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// Every statement that would define something or write Prisma's ledger, in the order in which they take effect.
    /// Rows and replank's own books are left out.
    pub statements: Vec<PlannedStatement>,
}

/// A statement of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStatement {
    /// The step it belongs to, `prepare`; consecutive statements of one step are shown together.
    pub step: String,
    /// Its text, without a final semicolon.
    pub sql: String,
    /// Why it is not what it looks like, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A sentence.
    pub text: String,
}

/// How much a finding matters; the order is the order of showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The change goes on, and a user may not like the effect.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// The word users see.
    pub fn label(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}
