//! The server's own ALTER, with the algorithm asserted, inside a short lock window: it is then never left waiting for
//! the table's metadata lock with the whole application queued behind it.
//!
//! Invariant: whether the change has happened is read from the definition ([`Standing`]), never concluded from how a
//! statement ended.

mod run;
mod standing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events};
use crate::lock_window::{LockRequest, LockWindow, Purpose, Round};
use crate::plan::Alter;
use crate::plan::strategy::Algorithm;
use crate::runs::Checkpoint;
use crate::server::{Disposition, Role, Server, ServerError, Session, server_failure};
use crate::settings::RunOptions;
use crate::sql::TableName;
pub(crate) use run::NativeRun;
pub use standing::{Standing, unclear};

/// How long a round of requests for the lock lasts before a stop is looked at.
const ROUND: Duration = Duration::from_secs(1);
/// How often an ALTER is sent that ends with a lock wait or a deadlock, and the first pause after one, which doubles. It
/// has waited for as long as its session does (two seconds) with the application behind it, so these are few.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// Where and how the change is made.
pub struct Native<'a> {
    /// The server.
    pub server: &'a Arc<Server>,
    /// The table.
    pub table: &'a TableName,
    /// The clauses.
    pub alter: &'a Alter,
    /// What is asserted.
    pub algorithm: Algorithm,
    /// The comment that marks statements of this run.
    pub marker: &'a str,
    /// The definition before and after.
    pub checkpoint: &'a Checkpoint,
    /// Its name in Prisma's ledger, `None` when it is not recorded.
    pub migration: Option<&'a str>,
    /// Patience.
    pub options: &'a RunOptions,
}

/// How an attempt ended of which all is known.
#[derive(Debug)]
pub enum Ended {
    /// The table has the new definition.
    Changed,
    /// It has the old one, or somebody else's: the run may be forgotten.
    NotChanged(Failure),
}

struct Sessions {
    /// Holds the lock and alters, with the server's own sql_mode.
    locker: Session,
    /// Looks at who holds the table.
    watch: Session,
    /// Reads the definition, as the plan did.
    reader: Session,
}

impl Native<'_> {
    /// Makes the change.
    ///
    /// # Errors
    /// Nothing is known to have happened, and the run stays to be resumed.
    pub async fn run(&self, events: &Events, stop: &CancellationToken) -> Result<Ended> {
        let mut sessions = Sessions {
            locker: self.server.session_for(Role::Ddl, "connecting").await?,
            watch: self.server.session_for(Role::Watch, "connecting").await?,
            reader: self.server.session_for(Role::Work, "connecting").await?,
        };
        let ended = self.run_in(&mut sessions, events, stop).await;
        sessions.locker.close().await;
        sessions.watch.close().await;
        sessions.reader.close().await;
        ended
    }

    async fn run_in(&self, sessions: &mut Sessions, events: &Events, stop: &CancellationToken) -> Result<Ended> {
        let Sessions { locker, watch, reader } = sessions;
        let mut request = LockRequest::new(Purpose::Native, self.table, vec![self.table], self.options.lock_patience);
        let mut sent = 0;
        loop {
            if stop.is_cancelled() {
                return Err(self.interrupted());
            }
            let Round::Granted(window) = request.round(locker, watch, events, ROUND).await? else { continue };
            // Under the lock nobody can alter the table between this look and the ALTER.
            let standing = self.standing(reader).await;
            let altered = match &standing {
                Ok(Standing::Before) => Some(locker.execute(&self.marked_sql()).await),
                Ok(Standing::After | Standing::Foreign) | Err(_) => None,
            };
            release(window, locker, events).await;
            match (altered, standing) {
                (Some(Ok(_)), _) | (_, Ok(Standing::After)) => return Ok(Ended::Changed),
                (Some(Err(error)), _) => {
                    sent += 1;
                    if let Some(ended) = self.decide(error, sent, locker, reader, events).await? {
                        return Ok(ended);
                    }
                }
                (None, Err(ServerError::Lost(_))) => {
                    reader.reconnect().await.map_err(|error| server_failure("connecting", &error))?;
                }
                (None, Err(error)) => return Err(server_failure("reading the table", &error)),
                (None, Ok(_)) if sent > 0 => return Err(self.unclear("the connection was lost while it was altered")),
                (None, Ok(_)) => return Ok(Ended::NotChanged(self.altered_meanwhile())),
            }
        }
    }

    /// Finds out what an ALTER did that ended with an error; `None` when it has to be sent again.
    async fn decide(
        &self,
        error: ServerError,
        sent: u32,
        locker: &mut Session,
        reader: &mut Session,
        events: &Events,
    ) -> Result<Option<Ended>> {
        let lost = error.disposition() == Disposition::Reconnect;
        if lost {
            // This also waits until the server has ended what it was doing on that connection.
            locker.reconnect().await.map_err(|second| self.outcome_unknown(&error, &second))?;
        }
        let standing = match self.standing(reader).await {
            Err(ServerError::Lost(_)) => {
                reader.reconnect().await.map_err(|second| self.outcome_unknown(&error, &second))?;
                self.standing(reader).await
            }
            standing => standing,
        };
        match standing.map_err(|second| self.outcome_unknown(&error, &second))? {
            Standing::After => {
                events.notice(format!("the server made the change and then said: {error}"));
                Ok(Some(Ended::Changed))
            }
            Standing::Before if lost || (error.disposition() == Disposition::Retry && sent < TRIES) => {
                events.emit(Event::Retry { what: "the change".into(), attempt: sent, error: error.to_string() });
                if !lost {
                    tokio::time::sleep(PAUSE * 2_u32.pow(sent - 1)).await;
                }
                Ok(None)
            }
            Standing::Before => Ok(Some(Ended::NotChanged(self.refused(&error)))),
            Standing::Foreign => Err(self.unclear(error)),
        }
    }

    /// With the comment by which a later process ends the statement, should this one be killed while the server is at it.
    fn marked_sql(&self) -> String {
        format!("{} {}", sql(self.table, self.alter, self.algorithm), self.marker)
    }

    async fn standing(&self, reader: &mut Session) -> Result<Standing, ServerError> {
        Standing::read(reader, self.table, self.checkpoint).await
    }

    fn interrupted(&self) -> Failure {
        let table = self.table.argument();
        Failure::new(Stop::Interrupted, format!("stopped before {} was changed", self.table))
            .table("untouched")
            .next(format!("`replank resume {table}` goes on"))
            .next(format!("`replank abort {table}` forgets the change"))
    }

    fn refused(&self, error: &ServerError) -> Failure {
        server_failure(&format!("`{}`", sql(self.table, self.alter, self.algorithm)), error)
            .table("untouched")
            .next("`--force-copy` makes the change by an online copy")
    }

    fn altered_meanwhile(&self) -> Failure {
        Failure::new(
            Stop::Occupied,
            format!("{} was altered by somebody else since the change was planned", self.table),
        )
        .table("untouched by replank")
        .next("run the change again: it is then planned for the table as it is now")
    }

    fn unclear(&self, cause: impl fmt::Display) -> Failure {
        Failure { stop: Stop::OutcomeUnknown, ..standing::unclear(self.table, self.migration) }.cause(cause)
    }

    fn outcome_unknown(&self, first: &ServerError, second: &ServerError) -> Failure {
        let table = self.table.argument();
        Failure::new(Stop::OutcomeUnknown, format!("the connection was lost while {table} was altered"))
            .table("unknown: the server could not be asked")
            .next(format!("when the server answers again: `replank resume {table}` finds out and goes on"))
            .cause(format!("{first}; then {second}"))
    }
}

/// Ends the window. The lock ends with its connection at the latest, and a change that was made is made.
async fn release(window: LockWindow, locker: &mut Session, events: &Events) {
    if locker.is_lost() {
        window.ended(events);
    } else if let Err(error) = window.unlock(locker, events).await {
        tracing::warn!("UNLOCK TABLES failed: {error}");
    }
}

/// The statement of a change that the server makes.
pub fn sql(table: &TableName, alter: &Alter, algorithm: Algorithm) -> String {
    format!("ALTER TABLE {table} {}{}", algorithm.assertion(), alter.without_algorithm_and_lock())
}
