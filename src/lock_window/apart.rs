//! Windows of one process stand apart, so that the statements that waited for one come through before the next.
//!
//! MySQL prepares a statement again when a definition has changed since, and gives up (1615) when that happens three
//! times in a row. A statement that uses several tables meets just that where windows on these follow at once, and on a
//! busy machine a fixed pause is too short for it.

use std::time::{Duration, Instant};

use super::{metadata_locks, notes_locks};
use crate::server::{Flavor, ServerError, Session};
use crate::sql::TableName;

/// The longest that a window waits for statements that met the one before it: who takes longer than that waits for
/// something else.
const AT_MOST: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// Where nobody can be seen: ten times what a statement needs that waited, on a machine that is not overloaded.
const BLINDLY: Duration = Duration::from_millis(100);

/// Waits until the statements that use these tables right now have ended; after a window on them.
pub async fn stand_apart(session: &mut Session, tables: &[&TableName]) {
    if session.server().facts.flavor != Flavor::MySql {
        return;
    }
    match come_through(session, tables).await {
        Ok(true) => {}
        Ok(false) => tokio::time::sleep(BLINDLY).await,
        Err(error) => {
            tracing::debug!("statements on the tables of a window cannot be seen: {error}");
            tokio::time::sleep(BLINDLY).await;
        }
    }
}

/// Whether the server notes who is at what.
async fn is_noted(session: &mut Session) -> Result<bool, ServerError> {
    let sql = "SELECT COUNT(*) FROM performance_schema.setup_consumers WHERE enabled = 'YES' \
               AND name IN ('global_instrumentation', 'thread_instrumentation', 'events_statements_current')";
    Ok(session.first_row::<u64>(sql).await? == Some(3) && notes_locks(session).await?)
}

/// False where they cannot be seen.
async fn come_through(session: &mut Session, tables: &[&TableName]) -> Result<bool, ServerError> {
    if !is_noted(session).await? {
        return Ok(false);
    }
    let started = Instant::now();
    let own = [session.id()];
    let sql = format!(
        "SELECT s.thread_id, s.event_id FROM performance_schema.events_statements_current s \
         WHERE s.end_event_id IS NULL AND s.nesting_event_level = 0 \
         AND s.thread_id IN (SELECT m.owner_thread_id FROM {})",
        metadata_locks(tables, &own)
    );
    let met: Vec<(u64, u64)> = session.rows(&sql).await?;
    if met.is_empty() {
        return Ok(true);
    }
    let met: Vec<String> = met.iter().map(|(thread, event)| format!("({thread}, {event})")).collect();
    let sql = format!(
        "SELECT COUNT(*) FROM performance_schema.events_statements_current \
         WHERE end_event_id IS NULL AND (thread_id, event_id) IN ({})",
        met.join(", ")
    );
    while started.elapsed() < AT_MOST && session.first_row::<u64>(&sql).await? > Some(0) {
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Ok(true)
}
