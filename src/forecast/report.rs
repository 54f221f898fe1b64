//! What a plan tells: plain data for the edge to render.

use serde::Serialize;

use crate::findings::{Finding, Level};

/// Version of the JSON form; raised when a field changes its meaning or goes.
pub const FORMAT: u32 = 1;

/// What deploying the pending migrations would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Version of this form.
    pub format: u32,
    /// Whether it can be deployed as it is.
    pub verdict: Verdict,
    /// The server with its version.
    pub server: String,
    /// The database.
    pub database: String,
    /// Why `deploy` would stop before its first migration, in its words.
    pub blockers: Vec<String>,
    /// The pending migrations in the order they are applied.
    pub migrations: Vec<MigrationReport>,
}

/// Whether migrations can be deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing was found that anybody must look at.
    Safe,
    /// Something was found that somebody should look at.
    Attention,
    /// Deploying it would be stopped, or a rule is set to deny it.
    Refused,
}

/// A pending migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// Its name.
    pub name: String,
    /// Whether it can be deployed.
    pub verdict: Verdict,
    /// Statements that an interrupted deploy has done: the next one goes on behind them, and so does the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<usize>,
    /// What was found about the migration as a whole.
    pub findings: Vec<Finding>,
    /// Its steps.
    pub steps: Vec<StepReport>,
}

/// A step of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// Numbers of its statements in the file, from 1.
    pub statements: Vec<usize>,
    /// The line of the first one.
    pub line: usize,
    /// The statements as they are in the file, without comments in front.
    pub sql: Vec<String>,
    /// The table, without the database where it is the plan's.
    pub table: Option<String>,
    /// The server's estimate of the rows it has now.
    pub rows: Option<u64>,
    /// Bytes of its rows and indexes now.
    pub bytes: Option<u64>,
    /// `instant`, `in place`, `online copy`, `as it is`.
    pub strategy: &'static str,
    /// Whether the strategy is predicted, and asked of the server only when the change is made.
    pub predicted: bool,
    /// Why this strategy.
    pub reason: String,
    /// Which locks, and for how long.
    pub locks: Option<String>,
    /// Seconds on an idle and on a loaded server.
    pub seconds: Option<(u64, u64)>,
    /// Bytes that must be free on the data disk.
    pub disk: Option<u64>,
    /// Why a check would refuse it as things are, with what to do.
    pub refusal: Option<String>,
    /// What was found about it.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Puts the verdicts together from what was found.
    pub fn judge(&mut self) {
        for migration in &mut self.migrations {
            let of_steps = migration.steps.iter().map(|step| match step.refusal {
                Some(_) => Verdict::Refused,
                None => worst(&step.findings),
            });
            migration.verdict = of_steps.chain([worst(&migration.findings)]).max().unwrap_or(Verdict::Safe);
        }
        let blocked = if self.blockers.is_empty() { Verdict::Safe } else { Verdict::Refused };
        let of_migrations = self.migrations.iter().map(|migration| migration.verdict);
        self.verdict = of_migrations.chain([blocked]).max().unwrap_or(Verdict::Safe);
    }
}

impl Verdict {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Verdict::Safe => "safe",
            Verdict::Attention => "needs attention",
            Verdict::Refused => "refused",
        }
    }
}

fn worst(findings: &[Finding]) -> Verdict {
    let verdict = |finding: &Finding| match finding.level {
        Level::Deny => Verdict::Refused,
        Level::Warn => Verdict::Attention,
        Level::Off | Level::Note => Verdict::Safe,
    };
    findings.iter().map(verdict).max().unwrap_or(Verdict::Safe)
}
