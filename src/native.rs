//! The server's own ALTER, with the algorithm asserted, inside a short lock window: it is then never left waiting for
//! the table's metadata lock with the whole application queued behind it.

use crate::error::{Failure, Result, Stop};
use crate::lock_window::{LockRequest, Purpose, Round};
use crate::plan::Alter;
use crate::plan::strategy::Strategy;
use crate::schema;
use crate::server::{Role, ServerError, server_failure};
use crate::settings::RunOptions;
use crate::shadow::comparable_definition;
use crate::sql::TableName;

/// Where and how the change is made.
pub struct Native<'a> {
    /// The server.
    pub server: &'a std::sync::Arc<crate::server::Server>,
    /// The table.
    pub table: &'a TableName,
    /// The clauses.
    pub alter: &'a Alter,
    /// INSTANT or in place.
    pub strategy: Strategy,
    /// SHOW CREATE TABLE of a table with the clauses applied.
    pub target_definition: &'a str,
    /// Patience.
    pub options: &'a RunOptions,
}

impl Native<'_> {
    /// The statement.
    pub fn sql(&self) -> String {
        sql(self.table, self.alter, self.strategy)
    }

    /// Makes the change unless it is made already.
    pub async fn run(&self, events: &crate::event::Events, stop: &tokio_util::sync::CancellationToken) -> Result<()> {
        let mut locker = self.server.session_for(Role::Ddl, "connecting").await?;
        let mut watch = self.server.session_for(Role::Watch, "connecting").await?;
        let mut request = LockRequest::new(Purpose::Native, self.table, vec![self.table], self.options.lock_patience);
        let second = std::time::Duration::from_secs(1);
        while !self.is_done().await? {
            if stop.is_cancelled() {
                return Err(Failure::new(Stop::Interrupted, format!("stopped before {} was changed", self.table))
                    .table("untouched")
                    .next(format!("`replank resume {}` goes on", self.table.plain()))
                    .next(format!("`replank abort {}` forgets the change", self.table.plain())));
            }
            let Round::Granted(window) = request.round(&mut locker, &mut watch, events, second).await? else {
                continue;
            };
            let altered = locker.execute(&self.sql()).await;
            if locker.is_lost() {
                window.ended(events);
            } else {
                window.unlock(&mut locker, events).await.map_err(|error| server_failure("unlocking", &error))?;
            }
            match altered {
                Ok(_) => break,
                // Whether it took effect is seen from the definition.
                Err(ServerError::Lost(_)) => {
                    locker.reconnect().await.map_err(|error| self.outcome_unknown(&error))?;
                }
                Err(error) => {
                    return Err(server_failure(&format!("`{}`", self.sql()), &error)
                        .table("untouched")
                        .next("`--force-copy` makes the change by an online copy"));
                }
            }
        }
        locker.close().await;
        watch.close().await;
        Ok(())
    }

    /// Whether the table has the new definition.
    pub async fn is_done(&self) -> Result<bool> {
        let mut work = self.server.session_for(Role::Work, "connecting").await?;
        let now = schema::create_sql(&mut work, self.table).await;
        let now = now.map_err(|error| server_failure("reading the table", &error))?.unwrap_or_default();
        work.close().await;
        Ok(comparable_definition(&now) == comparable_definition(self.target_definition))
    }

    fn outcome_unknown(&self, error: &ServerError) -> Failure {
        let table = self.table.plain();
        Failure::new(Stop::OutcomeUnknown, format!("the connection was lost while {table} was altered"))
            .table("unknown: the server could not be asked")
            .next(format!("when the server answers again: `replank resume {table}` finds out and goes on"))
            .cause(error)
    }
}

/// The statement of a change that the server makes.
pub fn sql(table: &TableName, alter: &Alter, strategy: Strategy) -> String {
    format!("ALTER TABLE {table} {}{}", strategy.assertion(), alter.without_algorithm_and_lock())
}
