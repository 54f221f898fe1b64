//! What stopped a run, what the table is now, and what to do next.
//!
//! Every failure a user can meet is a [`Failure`]: one sentence, the state of the table, the exact next command and
//! the cause.
//! Its [`Stop`] decides the exit code, and the tens digit of that code is a contract: 1x means the table is untouched
//! and the command may be run again, 2x means it must not be run again blindly.
//! Where Prisma's own command would have stopped, the failure has Prisma's words, code and exit code instead.

use std::fmt;

/// Result of everything that can stop a run.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a run stopped, which is what its exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A defect in replank, or something it cannot classify.
    Unexpected,
    /// The command line or the settings do not make sense.
    Usage,
    /// A check refused the change before anything was touched.
    Refused,
    /// Another run owns the table, or what an earlier run left does not match.
    Occupied,
    /// Verification found rows that differ and repairing them did not help.
    Differs,
    /// The lock for the cutover was not granted within its attempts.
    LockNotGranted,
    /// The server is unreachable, denied something, or failed in a way retries did not cure.
    Server,
    /// The connection was lost during the swap or the server's ALTER, and the outcome could not be learned.
    OutcomeUnknown,
    /// The change has happened, but the migration could not be recorded.
    NotRecorded,
    /// SIGINT (Ctrl-C): stopped at a safe point, progress kept.
    Interrupted,
    /// SIGTERM: stopped at a safe point, progress kept.
    Terminated,
    /// `prisma migrate` would have stopped here, too.
    Prisma,
    /// A plan has something that somebody should look at.
    Attention,
}

impl Stop {
    /// Every reason, for documentation and tests.
    pub const ALL: [Stop; 13] = [
        Stop::Unexpected,
        Stop::Prisma,
        Stop::Usage,
        Stop::Refused,
        Stop::Occupied,
        Stop::Differs,
        Stop::LockNotGranted,
        Stop::Server,
        Stop::Attention,
        Stop::OutcomeUnknown,
        Stop::NotRecorded,
        Stop::Interrupted,
        Stop::Terminated,
    ];

    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Stop::Unexpected | Stop::Prisma => 1,
            Stop::Usage => 2,
            Stop::Refused => 10,
            Stop::Occupied => 11,
            Stop::Differs => 12,
            Stop::LockNotGranted => 13,
            Stop::Server => 14,
            Stop::Attention => 16,
            Stop::OutcomeUnknown => 20,
            Stop::NotRecorded => 21,
            Stop::Interrupted => 130,
            Stop::Terminated => 143,
        }
    }

    /// One line for the table of exit codes in `--help` and README.
    pub fn meaning(self) -> &'static str {
        match self {
            Stop::Unexpected => "unexpected error, or a defect in replank",
            Stop::Prisma => "where `prisma migrate` stops: its words, code (P3009, ...) and exit code",
            Stop::Usage => "usage or settings",
            Stop::Refused => "refused by a check before anything was touched",
            Stop::Occupied => "another run owns the table, or leftovers do not match",
            Stop::Differs => "verification found a difference",
            Stop::LockNotGranted => "the cutover did not get its lock; resumable",
            Stop::Server => "server unreachable, privileges, disk, or an error retries did not cure; resumable",
            Stop::Attention => "`plan` only: something needs attention; nothing was touched",
            Stop::OutcomeUnknown => "outcome of the change unknown: do not run again blindly",
            Stop::NotRecorded => "changed, but the migration could not be recorded",
            Stop::Interrupted => "SIGINT: progress kept, resumable",
            Stop::Terminated => "SIGTERM: progress kept, resumable",
        }
    }
}

/// A stop as the user sees it. `Display` gives the first line only; the edge renders all of it.
#[derive(Debug)]
pub struct Failure {
    /// Why, and so the exit code.
    pub stop: Stop,
    /// What stopped: a lowercase fragment without a final period.
    pub what: String,
    /// What the table is now, when there is something to say.
    pub table: Option<String>,
    /// What to do next, most useful first; commands in backticks.
    pub next: Vec<String>,
    /// The cause in the server's or the system's own words.
    pub cause: Option<String>,
    /// The number of Prisma's code, when `what` is Prisma's message: 3009 for P3009, 0 where it gives no code.
    pub prisma: Option<u16>,
    /// What the server said to the user's own clauses, which are at fault.
    pub rejected: Option<Box<Rejected>>,
}

/// The server's answer to a statement that it does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its error number.
    pub code: u16,
    /// Its text.
    pub message: String,
}

impl Failure {
    /// A failure with only its first line.
    pub fn new(stop: Stop, what: impl Into<String>) -> Failure {
        Failure { stop, what: what.into(), table: None, next: Vec::new(), cause: None, prisma: None, rejected: None }
    }

    /// A stop that `prisma migrate` makes, in its words.
    pub fn prisma(code: u16, message: impl Into<String>) -> Failure {
        Failure { prisma: Some(code), ..Failure::new(Stop::Prisma, message) }
    }

    /// A refusal by a check: nothing was touched.
    pub fn refused(what: impl Into<String>) -> Failure {
        Failure::new(Stop::Refused, what)
    }

    /// Says what the table is now.
    pub fn table(mut self, state: impl Into<String>) -> Failure {
        self.table = Some(state.into());
        self
    }

    /// Adds a line of advice.
    pub fn next(mut self, advice: impl Into<String>) -> Failure {
        self.next.push(advice.into());
        self
    }

    /// Says what the table is now and what to do next where nobody deeper inside has: only there is it known.
    pub fn unless_said(mut self, table: &str, next: impl IntoIterator<Item = String>) -> Failure {
        self.table.get_or_insert_with(|| table.to_owned());
        if self.next.is_empty() {
            self.next.extend(next);
        }
        self
    }

    /// Adds the cause.
    pub fn cause(mut self, cause: impl fmt::Display) -> Failure {
        self.cause = Some(cause.to_string());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}
