//! `DROP FOREIGN KEY` on a big table: the server changes metadata only, inside a short lock window, with that asserted.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::step::TableChange;
use crate::error::{Failure, Result, Stop};
use crate::event::Events;
use crate::lock_window::{LockRequest, Purpose, Round};
use crate::plan::ClauseKind;
use crate::plan::strategy::Algorithm;
use crate::server::{Role, Server, ServerError, server_failure};
use crate::sql::TableName;

/// Whether a change does nothing but drop foreign keys.
pub fn only_drops(change: &TableChange) -> bool {
    change.alter.changes().all(|clause| matches!(clause.kind, ClauseKind::DropForeignKey { .. }))
}

/// Whether a change adds or drops a foreign key.
pub fn touches(change: &TableChange) -> bool {
    use crate::plan::{Constraint, ConstraintKind};
    let foreign = |constraint: &Constraint| matches!(constraint.kind, ConstraintKind::ForeignKey { .. });
    change.alter.clauses.iter().any(|clause| match &clause.kind {
        ClauseKind::DropForeignKey { .. } => true,
        ClauseKind::AddConstraint(constraint) => foreign(constraint),
        ClauseKind::AddColumn { constraints, .. } => constraints.iter().any(foreign),
        _ => false,
    })
}

/// How a drop ended that did not happen.
pub enum NotDropped {
    /// The server's answer to the statement.
    Rejected(ServerError),
    /// It did not come to that.
    Stopped(Failure),
}

impl From<Failure> for NotDropped {
    fn from(failure: Failure) -> NotDropped {
        NotDropped::Stopped(failure)
    }
}

/// Drops the keys. A connection lost meanwhile leaves the question to the proof of the step.
pub async fn drop_keys(
    server: &std::sync::Arc<Server>,
    table: &TableName,
    change: &TableChange,
    patience: Duration,
    events: &Events,
    stop: &CancellationToken,
) -> Result<(), NotDropped> {
    let sql = crate::native::sql(table, &change.alter, Algorithm::InPlace);
    let mut locker = server.session_for(Role::Ddl, "connecting").await?;
    let mut watch = server.session_for(Role::Watch, "connecting").await?;
    let mut request = LockRequest::new(Purpose::Native, table, vec![table], patience);
    loop {
        if stop.is_cancelled() {
            let stopped = Failure::new(Stop::Interrupted, format!("stopped before {table} was changed"));
            return Err(stopped.table("untouched").into());
        }
        let Round::Granted(window) = request.round(&mut locker, &mut watch, events, Duration::from_secs(1)).await?
        else {
            continue;
        };
        let altered = locker.execute(&sql).await;
        if locker.is_lost() {
            window.ended(events);
        } else {
            let unlocked = window.unlock(&mut locker, events).await;
            unlocked.map_err(|error| server_failure("unlocking", &error))?;
        }
        locker.close().await;
        watch.close().await;
        return altered.map(drop).map_err(NotDropped::Rejected);
    }
}
