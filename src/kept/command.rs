//! `replank cleanup`: drops what is kept, of one table now or of all tables past its time, and prunes the logs of what
//! stays.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::Opts;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{drop_kept, failed, keeping, of_run, patient, prune, unnamed};
use crate::error::{Result, Stop};
use crate::event::Events;
use crate::pipeline::connect;
use crate::plan::Artifacts;
use crate::runs::{Checkpoint, RunRow, Runs};
use crate::schema;
use crate::server::owner::Owner;
use crate::server::{Role, Server, Session};
use crate::settings::RunOptions;
use crate::sql::{Ident, TableName};
use crate::status::{Scope, bookkeeping_schemas};
use crate::survey::{find_table, names, unfinished};
use crate::takeover::{Taken, sweep};

/// What became of the tables that are kept for one table of the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// The table of the application.
    pub table: String,
    /// What was dropped.
    pub dropped: Vec<String>,
    /// What stays, and until when, in UTC.
    pub kept: Vec<(String, String)>,
    /// Entries that were removed from the log, because their key has a newer one.
    pub pruned: u64,
}

/// Drops what finished changes of a table keep, whether or not its time is over.
pub async fn of_table(server: Opts, table: TableName, options: RunOptions, events: Events) -> Result<Taken> {
    let (server, table) = connect(server, &table).await?;
    let owner = Owner::acquire(&server, &table, &events, &CancellationToken::new()).await?;
    let (_, bookkeeping) = names(&table, &options)?;
    sweep(&server, &bookkeeping, &events).await;
    let cleaned = clean_table(&server, &table, &bookkeeping, options.lock_patience, &events).await;
    owner.release().await;
    cleaned.map_err(|failure| {
        failure.unless_said("as the run left it", ["run the command again once the cause is gone".to_owned()])
    })
}

async fn clean_table(
    server: &Arc<Server>,
    table: &TableName,
    bookkeeping: &Ident,
    patience: Duration,
    events: &Events,
) -> Result<Taken> {
    let mut session = server.session_for(Role::Work, "connecting").await?;
    let Some(runs) = Runs::find(server, bookkeeping).await? else {
        find_table(&mut session, table).await?;
        return Ok(Taken::Nothing);
    };
    if let Some((row, _)) = runs.running(table).await? {
        return Err(unfinished(table, &row.migration));
    }
    let mut dropped = false;
    for (row, checkpoint) in keeping(&runs, Some(table)).await? {
        let kept = of_run(&mut session, bookkeeping, &row, &checkpoint).await?;
        dropped |= drop_kept(server, &runs, bookkeeping, &row, &checkpoint, patience, events).await?;
        match kept {
            Some(kept) if checkpoint.reverse_armed => events.notice(format!(
                "the old table {kept} is dropped, with the triggers and the log that followed {table}"
            )),
            Some(kept) => events.notice(format!("the table {kept} is dropped")),
            None => {}
        }
    }
    if !dropped {
        // Of a table that does not exist and of which nothing is kept that is a typing error.
        find_table(&mut session, table).await?;
    }
    session.close().await;
    Ok(if dropped { Taken::Done } else { Taken::Nothing })
}

/// Drops what is past its time, and prunes the logs of what is not.
pub async fn of_all(
    server: Opts,
    scope: Scope,
    options: RunOptions,
    events: Events,
    stop: CancellationToken,
) -> Result<Vec<Cleaned>> {
    let server = Server::open(server).await?;
    let mut session = server.session_for(Role::Work, "connecting").await?;
    let mut cleaned = Vec::new();
    for bookkeeping in bookkeeping_schemas(&mut session, &scope).await? {
        sweep(&server, &bookkeeping, &events).await;
        let Some(runs) = Runs::find(&server, &bookkeeping).await? else { continue };
        for (row, checkpoint) in keeping(&runs, None).await? {
            let of_other_schema = scope.schema.as_ref().is_some_and(|schema| *schema != row.table.schema);
            if of_other_schema {
                continue;
            }
            let one =
                One { server: &server, runs: &runs, bookkeeping: &bookkeeping, row: &row, checkpoint: &checkpoint };
            if stop.is_cancelled() {
                break;
            }
            match one.clean(&mut session, options.lock_patience, &events, &stop).await {
                Ok(Some(one)) => cleaned.push(one),
                Ok(None) => {}
                // One table that is in use keeps no other from being cleaned.
                Err(failure) if matches!(failure.stop, Stop::Occupied | Stop::LockNotGranted) => {
                    let cause = failure.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
                    events.notice(format!("{} is left for now: {}{cause}", row.table, failure.what));
                }
                Err(failure) => return Err(failure),
            }
        }
    }
    session.close().await;
    Ok(cleaned)
}

/// A finished run that keeps something.
struct One<'a> {
    server: &'a Arc<Server>,
    runs: &'a Runs,
    bookkeeping: &'a Ident,
    row: &'a RunRow,
    checkpoint: &'a Checkpoint,
}

impl One<'_> {
    async fn clean(
        &self,
        session: &mut Session,
        patience: Duration,
        events: &Events,
        stop: &CancellationToken,
    ) -> Result<Option<Cleaned>> {
        let table = &self.row.table;
        let owner = Owner::acquire(self.server, table, events, stop).await?;
        let cleaned = self.clean_owned(session, patience, events, stop).await;
        owner.release().await;
        cleaned
    }

    async fn clean_owned(
        &self,
        session: &mut Session,
        patience: Duration,
        events: &Events,
        stop: &CancellationToken,
    ) -> Result<Option<Cleaned>> {
        let One { server, runs, bookkeeping, row, checkpoint } = self;
        // A change or a way back that is not over has its own use for what is kept.
        if runs.running(&row.table).await?.is_some() {
            return Ok(None);
        }
        let kept = of_run(session, bookkeeping, row, checkpoint).await?;
        let mut cleaned = Cleaned { table: row.table.plain(), dropped: Vec::new(), kept: Vec::new(), pruned: 0 };
        let until = checkpoint.kept.as_ref().map(|kept| kept.until.clone());
        let is_over = match (&kept, &until) {
            (None, _) => true,
            (Some(_), Some(until)) => {
                let now: Option<String> =
                    session.first_row("SELECT CAST(UTC_TIMESTAMP() AS CHAR)").await.map_err(failed)?;
                now.is_some_and(|now| now >= *until)
            }
            // A run of another version said nothing of its time.
            (Some(_), None) => false,
        };
        if is_over {
            let found = drop_kept(server, runs, bookkeeping, row, checkpoint, patience, events).await?;
            cleaned.dropped = kept.into_iter().map(|kept| kept.plain()).collect();
            return Ok((found || !cleaned.dropped.is_empty()).then_some(cleaned));
        }
        cleaned.kept = kept.into_iter().map(|kept| (kept.plain(), until.clone().unwrap_or_default())).collect();
        if checkpoint.reverse_armed {
            let names = Artifacts::kept_in(&row.table, bookkeeping).map_err(unnamed)?;
            let log = TableName { schema: (*bookkeeping).clone(), table: names.reverse_log };
            if patient(session, async |session| schema::exists(session, &log).await).await? {
                cleaned.pruned = prune(session, &log, stop).await.map_err(failed)?;
            }
        }
        Ok(Some(cleaned))
    }
}
