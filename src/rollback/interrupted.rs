//! A way back that another process began: go on with it, or stay where the table is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::{Back, failed, kept_place, told, way_back};
use crate::error::{Failure, Result, Stop};
use crate::event::{Events, Phase};
use crate::plan::Artifacts;
use crate::prepare::drop_table;
use crate::run::Run;
use crate::runs::{Checkpoint, RunRow, Runs, State};
use crate::schema::{self, Table};
use crate::server::{Role, Server, Session};
use crate::settings::RunOptions;
use crate::sql::{Ident, TableName};
use crate::survey::names;
use crate::takeover::Taken;
use crate::tally::Tally;
use crate::{cutover, foreign_keys};

/// A run that goes back, put together from what another process left.
#[derive(Debug)]
pub(crate) struct Interrupted {
    /// The server.
    pub server: Arc<Server>,
    /// How it goes on.
    pub options: RunOptions,
    /// The bookkeeping.
    pub runs: Runs,
    /// The run.
    pub row: RunRow,
    /// What it left.
    pub checkpoint: Checkpoint,
    /// Where facts go.
    pub events: Events,
    /// Set when it must stop at the next safe point.
    pub stop: CancellationToken,
}

/// Goes on with it.
pub(crate) async fn resume(interrupted: Interrupted, since: Instant) -> Result<Taken> {
    let (run, forward, forward_checkpoint) = adopt(interrupted).await?;
    let mut phase = run.row.phase;
    if phase <= Phase::Cutover && phase > Phase::Prepare {
        if cutover::happened(&run).await.map_err(failed)? {
            phase = Phase::Constrain;
        } else {
            refuse_foreign_change(&run).await?;
            foreign_keys::window::withdraw_left(&run).await?;
        }
    }
    told(&run, true);
    Back { run, forward, forward_checkpoint, since }.from(phase).await?;
    Ok(Taken::Done)
}

/// Gives it up: the new table stays, the old one is kept again and goes on being followed.
pub(crate) async fn abort(interrupted: Interrupted) -> Result<Taken> {
    let (run, _, _) = adopt(interrupted).await?;
    let table = run.change.original.clone();
    if run.row.phase > Phase::Cutover || cutover::happened(&run).await.map_err(failed)? {
        return Err(Failure::new(Stop::Occupied, format!("{table} has its old definition again: too late to abort"))
            .table("rolled back; the migration may not be marked yet")
            .next(format!("`replank resume {}` marks the migration and cleans up", table.argument())));
    }
    let mut session = run.server.session_for(Role::Work, "connecting").await?;
    cutover::remove_leftovers(&run, &mut session).await.map_err(failed)?;
    foreign_keys::window::withdraw_left(&run).await?;
    // A table with triggers cannot go to another schema.
    run.relocation().asked_by("abort").unmute().await?;
    run.relocation().unstage().await?;
    let change = &run.change;
    let kept = kept_place(change);
    if kept != change.shadow && schema::exists(&mut session, &change.shadow).await.map_err(failed)? {
        session.execute(&format!("RENAME TABLE {} TO {kept}", change.shadow)).await.map_err(failed)?;
    }
    if let Some(aside) = &change.aside
        && schema::exists(&mut session, &aside.table).await.map_err(failed)?
    {
        // Values that are put aside belong to rows that the next way back puts in again.
        let some: Option<u64> =
            session.first_row(&format!("SELECT 1 FROM {} LIMIT 1", aside.table)).await.map_err(failed)?;
        if some.is_none() {
            drop_table(&mut session, &aside.table).await.map_err(failed)?;
        }
    }
    session.close().await;
    run.runs.end(&run.row, State::Aborted).await?;
    run.events.notice(format!("{table} stays as it is; the old table is kept at {kept} and goes on being followed"));
    Ok(Taken::Done)
}

async fn adopt(interrupted: Interrupted) -> Result<(Run, RunRow, Checkpoint)> {
    let Interrupted { server, options, runs, row, checkpoint, events, stop } = interrupted;
    let lost =
        || Failure::new(Stop::Occupied, format!("the run that run {} takes back is not recorded any more", row.id));
    let forward = runs.of_id(checkpoint.rolls_back.unwrap_or_default()).await?;
    let (forward, forward_checkpoint) = forward.ok_or_else(lost)?;
    let table = row.table.clone();
    let (_, bookkeeping) = names(&table, &options)?;
    let mut session = server.session_for(Role::Work, "connecting").await?;
    let (old, new) = sides(&mut session, &bookkeeping, &row).await?;
    session.close().await;
    let gone = || {
        Failure::new(Stop::Occupied, format!("{table} or its kept old table is gone"))
            .table("missing")
            .next("look for them under other names before anything else")
    };
    let (old, new) = (old.ok_or_else(gone)?, new.ok_or_else(gone)?);
    let mapping = way_back::forward_mapping(&forward, &old, &new)?;
    let (change, _) =
        way_back::reversed(&table, &bookkeeping, (&forward, &forward_checkpoint), &mapping, &old, &new, row.id)?;
    let tally = Arc::new(Tally::default());
    tally.rows_total.store(new.rows_estimate, Ordering::Relaxed);
    let run = Run { server, change: Arc::new(change), options, row, checkpoint, runs, events, stop, tally };
    Ok((run, forward, forward_checkpoint))
}

/// The tables of the old and of the new definition, wherever they are.
async fn sides(session: &mut Session, bookkeeping: &Ident, row: &RunRow) -> Result<(Option<Table>, Option<Table>)> {
    let table = &row.table;
    let unnamed = |error| Failure::refused("no names can be made for the way back").cause(error);
    let names = Artifacts::of_the_way_back(table, bookkeeping, row.id).map_err(unnamed)?;
    let forward = Artifacts::kept_in(table, bookkeeping).map_err(unnamed)?;
    let beside = |name: &Ident| TableName { schema: table.schema.clone(), table: name.clone() };
    let away = |name: &Ident| TableName { schema: bookkeeping.clone(), table: name.clone() };
    let current = schema::inspect(session, table).await.map_err(failed)?;
    for place in [beside(&names.shadow), away(&forward.kept)] {
        if let Some(old) = schema::inspect(session, &place).await.map_err(failed)? {
            return Ok((Some(old), current));
        }
    }
    for place in [beside(&names.old), away(&names.kept)] {
        let new = schema::inspect(session, &place).await.map_err(failed)?;
        if let Some(new) = new.filter(|new| !cutover::is_gate(&new.create_sql)) {
            return Ok((current, Some(new)));
        }
    }
    Ok((current.clone(), current))
}

async fn refuse_foreign_change(run: &Run) -> Result<()> {
    let mut session = run.server.session_for(Role::Work, "connecting").await?;
    let difference = cutover::difference(run, &mut session).await.map_err(failed)?;
    session.close().await;
    let Some(what) = difference else { return Ok(()) };
    let table = run.change.original.argument();
    Err(Failure::new(Stop::Occupied, format!("the rollback of {table} cannot go on: {what}"))
        .table("untouched; the old table is kept")
        .next(format!("`replank abort {table}` gives it up")))
}
