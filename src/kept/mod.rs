//! Tables that finished runs keep, the logs that follow them, and how both go away.
//!
//! What is dropped is recognized by what it was when it was kept, never by its name alone.

mod command;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::change::Change;
use crate::cutover::{identity, identity_like};
use crate::error::{Failure, Result, Stop};
use crate::event::Events;
use crate::foreign_keys::family::named_parents;
use crate::foreign_keys::window;
use crate::lock_window::{LockRequest, Purpose};
use crate::plan::{Artifacts, aside_name};
use crate::prepare::drop_table;
use crate::runs::{Checkpoint, Kept, RunRow, Runs};
use crate::schema;
use crate::server::retry::patiently;
use crate::server::{Role, Server, ServerError, Session, server_failure};
use crate::shadow::comparable_definition;
use crate::sql::{Ident, TableName, string_literal};
pub use command::{Cleaned, of_all, of_table};

/// Superseded entries that are looked up at once: their numbers are some megabytes.
const PRUNED_AT_ONCE: usize = 500_000;
/// Entries per DELETE: a transaction of some milliseconds.
const PRUNED_PER_DELETE: usize = 2_000;

/// Notes a table that is kept from now on.
pub async fn note(session: &mut Session, table: &TableName, keep_for: u64) -> Result<Kept, ServerError> {
    let until: Option<String> =
        session.first_row(&format!("SELECT CAST(UTC_TIMESTAMP() + INTERVAL {keep_for} SECOND AS CHAR)")).await?;
    Ok(Kept {
        schema: table.schema.as_str().to_owned(),
        table: table.table.as_str().to_owned(),
        identity: identity(session, table).await?,
        until: until.unwrap_or_default(),
    })
}

/// Finished runs that keep something, oldest first, of one table or of all. Only the newest of a table can have triggers
/// and a log: what an older one says of them is left from what somebody has removed by hand.
pub async fn keeping(runs: &Runs, table: Option<&TableName>) -> Result<Vec<(RunRow, Checkpoint)>> {
    let mut followed: Vec<TableName> = Vec::new();
    let mut keeping = Vec::new();
    for (row, mut checkpoint) in runs.done(table).await?.into_iter().rev() {
        if checkpoint.reverse_armed && followed.contains(&row.table) {
            checkpoint.reverse_armed = false;
        }
        if checkpoint.reverse_armed {
            followed.push(row.table.clone());
        }
        if checkpoint.kept.is_some() || checkpoint.reverse_armed {
            keeping.push((row, checkpoint));
        }
    }
    keeping.reverse();
    Ok(keeping)
}

/// What a finished run keeps, `None` when that is gone. A table under its name that is not the one is a failure.
pub async fn of_run(
    session: &mut Session,
    bookkeeping: &Ident,
    row: &RunRow,
    checkpoint: &Checkpoint,
) -> Result<Option<TableName>> {
    let (name, noted) = match &checkpoint.kept {
        Some(kept) => (kept.name(), Some(&kept.identity)),
        // Of a run that another version has ended, only the definition of its table is known.
        None if checkpoint.keep_for.is_none() && checkpoint.reverse_armed => {
            let names = Artifacts::kept_in(&row.table, bookkeeping).map_err(unnamed)?;
            (TableName { schema: bookkeeping.clone(), table: names.kept }, None)
        }
        None => return Ok(None),
    };
    if !patient(session, async |session| schema::exists(session, &name).await).await? {
        return Ok(None);
    }
    let found = patient(session, async |session| identity_like(session, &name, noted).await).await?;
    let is_it = match (noted, &checkpoint.original) {
        (Some(noted), _) => noted.is_same_table(&found),
        (None, Some(original)) => {
            comparable_definition(&original.definition) == comparable_definition(&found.definition)
        }
        (None, None) => false,
    };
    if is_it {
        return Ok(Some(name));
    }
    Err(Failure::new(Stop::Occupied, format!("{name} is not the table that run {} has kept", row.id))
        .table("untouched; it was replaced or altered by somebody else")
        .next("look at it; rename or drop it by hand"))
}

/// Drops what a finished run keeps: the triggers that follow the new table first, then their log, then the table.
/// False when there was nothing left of it.
pub async fn drop_kept(
    server: &Arc<Server>,
    runs: &Runs,
    bookkeeping: &Ident,
    row: &RunRow,
    checkpoint: &Checkpoint,
    patience: Duration,
    events: &Events,
) -> Result<bool> {
    let mut session = server.session_for(Role::Work, "connecting for the cleanup").await?;
    let kept = of_run(&mut session, bookkeeping, row, checkpoint).await?;
    let mut found = kept.is_some();
    if checkpoint.reverse_armed {
        window::forget_reverse_cascades(server, &checkpoint.foreign_keys, patience, events).await?;
        let names = Artifacts::kept_in(&row.table, bookkeeping).map_err(unnamed)?;
        let change = Change::of_names(row.table.clone(), bookkeeping, &names, row.id);
        refuse_foreign_log(&mut session, &change.reverse_log.table, checkpoint).await?;
        found |= stop_following(server, &change, patience, events).await?;
        let aside = aside_name(&row.table, bookkeeping).map_err(unnamed)?;
        patient(&mut session, async |session| drop_table(session, &aside).await).await?;
    }
    if let Some(kept) = &kept {
        patient(&mut session, async |session| drop_table(session, kept).await).await?;
    }
    session.close().await;
    let ended = Checkpoint { kept: None, reverse_armed: false, keep_for: Some(0), ..checkpoint.clone() };
    runs.save(row, row.phase, &ended).await?;
    Ok(found)
}

/// Ends what follows the new table: its triggers, in a lock window, and then their log. False when there was neither.
pub async fn stop_following(
    server: &Arc<Server>,
    change: &Change,
    patience: Duration,
    events: &Events,
) -> Result<bool> {
    let mut triggers = change.reverse.clone();
    triggers.table = change.original.clone();
    let mut session = server.session_for(Role::Work, "connecting for the cleanup").await?;
    let own = patient(&mut session, async |session| triggers.own(session).await).await?;
    if !own.is_empty() {
        let parents = patient(&mut session, async |session| named_parents(session, &change.original).await).await?;
        let tables = [&change.original, &change.reverse_log.table].into_iter().chain(&parents).collect();
        let request = LockRequest::new(Purpose::Triggers, &change.original, tables, patience).asked_by("cleanup");
        let schema = &change.original.schema;
        let drops: Vec<String> = own.iter().map(|name| format!("DROP TRIGGER IF EXISTS {schema}.{name}")).collect();
        request.run_repeatable(server, "dropping the triggers of the kept table", &drops, events).await?;
    }
    let logged =
        patient(&mut session, async |session| schema::exists(session, &change.reverse_log.table).await).await?;
    patient(&mut session, async |session| drop_table(session, &change.reverse_log.table).await).await?;
    session.close().await;
    Ok(logged || !own.is_empty())
}

/// A log under our name that was not made by the run belongs to somebody else.
async fn refuse_foreign_log(session: &mut Session, log: &TableName, checkpoint: &Checkpoint) -> Result<()> {
    let Some(made) = &checkpoint.reverse_log else { return Ok(()) };
    if !patient(session, async |session| schema::exists(session, log).await).await? {
        return Ok(());
    }
    let found = patient(session, async |session| identity_like(session, log, Some(made)).await).await?;
    if made.is_same_table(&found) {
        return Ok(());
    }
    Err(Failure::new(Stop::Occupied, format!("{log} is not the log that the run has made"))
        .table("untouched; it was replaced by somebody else")
        .next("look at it; rename or drop it by hand"))
}

/// Removes entries of a log whose key has a newer one; gives their number. Needs the owner lock of the table, because
/// an applier deletes exactly the entries that it has read. `stop` ends it between two deletes.
pub async fn prune(session: &mut Session, log: &TableName, stop: &CancellationToken) -> Result<u64, ServerError> {
    let columns = columns(session, log).await?;
    let Some((seq, key)) = columns.split_first() else { return Ok(0) };
    let key: Vec<String> = key.iter().map(Ident::to_string).collect();
    let superseded = format!(
        "SELECT {seq} FROM (SELECT {seq}, MAX({seq}) OVER (PARTITION BY {}) AS rpk_newest FROM {log}) AS numbered \
         WHERE {seq} < rpk_newest LIMIT {PRUNED_AT_ONCE}",
        key.join(", ")
    );
    let mut pruned = 0;
    loop {
        let seqs: Vec<u64> = session.rows(&superseded).await?;
        for some in seqs.chunks(PRUNED_PER_DELETE) {
            if stop.is_cancelled() {
                return Ok(pruned);
            }
            let list: Vec<String> = some.iter().map(u64::to_string).collect();
            pruned += session.execute(&format!("DELETE FROM {log} WHERE {seq} IN ({})", list.join(","))).await?;
        }
        if seqs.len() < PRUNED_AT_ONCE {
            return Ok(pruned);
        }
    }
}

/// How much a log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSize {
    /// Entries at most.
    pub entries: u64,
    /// Bytes on disk, as the server estimates them.
    pub bytes: u64,
}

/// The size of a log, `None` when there is none. Costs two index look-ups.
pub async fn log_size(session: &mut Session, log: &TableName) -> Result<Option<LogSize>, ServerError> {
    let Some(seq) = columns(session, log).await?.into_iter().next() else { return Ok(None) };
    let entries = format!("SELECT COALESCE(MAX({seq}) - MIN({seq}) + 1, 0) FROM {log}");
    let bytes = format!("SELECT data_length FROM information_schema.tables WHERE {}", schema::belongs_to(log));
    Ok(Some(LogSize {
        entries: session.first_row::<u64>(&entries).await?.unwrap_or(0),
        bytes: session.first_row::<Option<u64>>(&bytes).await?.flatten().unwrap_or(0),
    }))
}

/// A log's columns: its number first, then the key.
async fn columns(session: &mut Session, log: &TableName) -> Result<Vec<Ident>, ServerError> {
    let sql = format!(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = {} AND table_name = {} \
         ORDER BY ordinal_position",
        string_literal(log.schema.as_str()),
        string_literal(log.table.as_str())
    );
    Ok(session.rows::<String>(&sql).await?.into_iter().map(Ident::new).collect())
}

fn unnamed(error: crate::plan::NameError) -> Failure {
    Failure::refused("no names can be made for what the run has made").cause(error)
}

/// Each of these may have to wait for somebody who looks at the table or defines one, and may be done again.
async fn patient<T>(session: &mut Session, ask: impl AsyncFnMut(&mut Session) -> Result<T, ServerError>) -> Result<T> {
    patiently("cleaning up", session, ask).await
}

fn failed(error: ServerError) -> Failure {
    server_failure("cleaning up", &error)
}
