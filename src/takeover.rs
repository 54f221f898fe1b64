//! Commands on a run that another process began: go on with it, or take it back.

use std::sync::Arc;
use std::time::Instant;

use mysql_async::Opts;
use tokio_util::sync::CancellationToken;

use crate::change::{Change, marker};
use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events, Phase};
use crate::native::{NativeRun, Standing, unclear};
use crate::pipeline::{Pipeline, connect};
use crate::plan::{Alter, ColumnMapping, noted_key, read_clauses};
use crate::record::{self, Recording};
use crate::rollback::Interrupted;
use crate::run::Run;
use crate::runs::{Checkpoint, RunRow, Runs};
use crate::schema::{self, Table};
use crate::server::owner::Owner;
use crate::server::retry::patiently;
use crate::server::{ConnectionId, Role, Server, Session, server_failure};
use crate::settings::{AlterRequest, RunOptions};
use crate::sql::{Ident, TableName};
use crate::survey::{Survey, find_table, names};
use crate::tally::Tally;
use crate::{cutover, foreign_keys, prepare, rollback, trial};

/// How a command on an earlier run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// It was done.
    Done,
    /// There is no such run, so that nothing was to be done.
    Nothing,
}

/// Goes on with an unfinished run.
pub async fn resume(
    server: Opts,
    table: TableName,
    options: RunOptions,
    events: Events,
    stop: CancellationToken,
) -> Result<Taken> {
    let since = Instant::now();
    let opts = server.clone();
    let (server, table) = connect(server, &table).await?;
    let owner = Owner::acquire(&server, &table, &events, &stop).await?;
    if let Ok((_, bookkeeping)) = names(&table, &options) {
        sweep(&server, &bookkeeping, &events).await;
    }
    let resumed = resume_owned(opts, &server, &table, options, events, stop, since).await;
    owner.release().await;
    resumed.map_err(again)
}

async fn resume_owned(
    opts: Opts,
    server: &Arc<Server>,
    table: &TableName,
    options: RunOptions,
    events: Events,
    stop: CancellationToken,
    since: Instant,
) -> Result<Taken> {
    let Some((runs, row, checkpoint)) = find_running(server, table, &options).await? else {
        return nothing(server, table).await;
    };
    if checkpoint.rolls_back.is_some() {
        bury_statements(server, &row).await?;
        let server = Arc::clone(server);
        return rollback::resume(Interrupted { server, options, runs, row, checkpoint, events, stop }, since).await;
    }
    let options = RunOptions { drop_old: options.drop_old || checkpoint.drop_old, ..options };
    let alter = read(&row)?;
    let recording = match &row.ledger_id {
        Some(_) if options.record => Some(Recording::adopt(&options, table, &alter, &row.migration)?),
        _ => None,
    };
    if let (Some(recording), Some(id)) = (&recording, &row.ledger_id)
        && row.phase < Phase::Cleanup
    {
        // The process may have died between its two notes.
        let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
        recording.start(&mut session, id).await?;
        session.close().await;
    }
    bury_statements(server, &row).await?;
    let by_server = checkpoint.shadow_index.is_empty();
    if row.phase == Phase::Native || by_server && matches!(row.phase, Phase::Constrain | Phase::Record) {
        let server = Arc::clone(server);
        let native = NativeRun { server, row, runs, checkpoint, recording, events, since };
        resume_native(native, opts, options, stop).await?;
        return Ok(Taken::Done);
    }
    let made = checkpoint.made(alter)?;
    let run = adopt(server, table, options, runs, row, checkpoint, &made, events, stop).await?;
    let mut phase = run.row.phase;
    if phase <= Phase::Cutover && phase > Phase::Prepare {
        if swapped(&run).await? {
            phase = Phase::Constrain;
        } else {
            check_mirror(&run).await?;
            foreign_keys::window::withdraw_left(&run).await?;
        }
    }
    run.events.emit(Event::RunStarted {
        table: table.argument(),
        migration: run.row.migration.clone(),
        strategy: format!("online copy, resumed at {}", phase.label()),
        rows_estimate: run.tally.rows_total.load(std::sync::atomic::Ordering::Relaxed),
        resumed: true,
    });
    Pipeline { run, recording, since }.from(phase, &made).await?;
    Ok(Taken::Done)
}

/// Takes an unfinished run back: the schema is as it was.
pub async fn abort(server: Opts, table: TableName, options: RunOptions, events: Events) -> Result<Taken> {
    let (server, table) = connect(server, &table).await?;
    let owner = Owner::acquire(&server, &table, &events, &CancellationToken::new()).await?;
    if let Ok((_, bookkeeping)) = names(&table, &options) {
        sweep(&server, &bookkeeping, &events).await;
    }
    let aborted = abort_owned(&server, &table, options, events).await;
    owner.release().await;
    aborted.map_err(again)
}

async fn abort_owned(server: &Arc<Server>, table: &TableName, options: RunOptions, events: Events) -> Result<Taken> {
    let Some((runs, row, checkpoint)) = find_running(server, table, &options).await? else {
        return nothing(server, table).await;
    };
    if checkpoint.rolls_back.is_some() {
        bury_statements(server, &row).await?;
        let (server, stop) = (Arc::clone(server), CancellationToken::new());
        return rollback::abort(Interrupted { server, options, runs, row, checkpoint, events, stop }).await;
    }
    let alter = checkpoint.made(read(&row)?)?;
    bury_statements(server, &row).await?;
    let is_native = row.phase == Phase::Native || checkpoint.shadow_index.is_empty() && row.phase > Phase::Prepare;
    let left = if is_native {
        let standing = refuse_made(server, &row, &checkpoint).await?;
        foreign_keys::constrain::take_back(server, &runs, &row, &checkpoint, &options, &events).await?;
        match standing {
            Standing::Foreign => format!("the run is ended; {table} is left as somebody else has altered it"),
            _ => format!("{table} is as it was; the server was not told to alter it"),
        }
    } else {
        let stop = CancellationToken::new();
        let run = adopt(
            server,
            table,
            options.clone(),
            runs.clone(),
            row.clone(),
            checkpoint.clone(),
            &alter,
            events.clone(),
            stop.clone(),
        )
        .await;
        // To take away what the run has made takes its names only.
        let run = match run {
            Err(failure) if failure.stop == Stop::Occupied => {
                let (names, bookkeeping) = names(table, &options)?;
                let change = Arc::new(Change::of_names(table.clone(), &bookkeeping, &names, row.id));
                let (server, runs) = (Arc::clone(server), runs.clone());
                let (events, tally) = (events.clone(), Arc::new(Tally::default()));
                Run { server, change, options, row: row.clone(), checkpoint, runs, events, stop, tally }
            }
            run => run?,
        };
        if row.phase > Phase::Cutover || swapped(&run).await? {
            return Err(too_late(table));
        }
        let is_there = original_exists(&run).await?;
        if !is_there {
            refuse_only_table(&run).await?;
        }
        prepare::remove(&run, "abort").await?;
        let state = if is_there { "as it was" } else { "missing, as it was before this" };
        format!("{table} is {state}; the copy, the change log and the triggers are gone")
    };
    record::take_back(server, &runs, &row).await?;
    events.notice(left);
    Ok(Taken::Done)
}

fn again(failure: Failure) -> Failure {
    failure.unless_said("as the run left it", ["run the command again once the cause is gone".to_owned()])
}

/// Removes what plans that were killed have left in a bookkeeping schema. Whether that works does not decide anything.
pub(crate) async fn sweep(server: &Arc<Server>, bookkeeping: &Ident, events: &Events) {
    if let Err(failure) = trial::sweep(server, bookkeeping).await {
        events.notice(format!("{}: {}", failure.what, failure.cause.unwrap_or_default()));
    }
}

async fn find_running(
    server: &Arc<Server>,
    table: &TableName,
    options: &RunOptions,
) -> Result<Option<(Runs, RunRow, Checkpoint)>> {
    let (_, bookkeeping) = names(table, options)?;
    let Some(runs) = Runs::find(server, &bookkeeping).await? else { return Ok(None) };
    let running = runs.running(table).await?;
    Ok(running.map(|(row, checkpoint)| (runs, row, checkpoint)))
}

/// Nothing is to be done for a table. For one that does not exist that is a typing error.
async fn nothing(server: &Arc<Server>, table: &TableName) -> Result<Taken> {
    let mut session = server.session_for(Role::Work, "connecting").await?;
    find_table(&mut session, table).await?;
    session.close().await;
    Ok(Taken::Nothing)
}

fn read(row: &RunRow) -> Result<Alter> {
    read_clauses(&row.clauses)
        .map_err(|error| Failure::new(Stop::Occupied, "the recorded clauses cannot be read").cause(error))
}

/// Somebody may just be defining what is looked at.
const LOOKING: &str = "looking at the tables";

async fn inspect(session: &mut Session, table: &TableName) -> Result<Option<Table>> {
    patiently(LOOKING, session, async |session| schema::inspect(session, table).await).await
}

fn too_late(table: &TableName) -> Failure {
    Failure::new(Stop::Occupied, format!("{table} has its new definition already, so there is nothing to take back"))
        .table("changed; the migration may not be recorded yet")
        .next(format!("`replank resume {}` records the migration and cleans up", table.argument()))
}

async fn exists(session: &mut Session, table: &TableName) -> Result<bool> {
    patiently(LOOKING, session, async |session| schema::exists(session, table).await).await
}

/// Ends statements that a killed process left running on the server: a chunk that commits after its run was taken over
/// could bring back rows.
async fn bury_statements(server: &Arc<Server>, row: &RunRow) -> Result<()> {
    let failed = |error| server_failure("ending statements of the earlier process", &error);
    let marker = marker(&row.table, row.id);
    for process in server.processes().await.map_err(failed)? {
        if process.statement.contains(&marker) {
            server.bury(ConnectionId { number: process.id, seen: Instant::now() }).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// The tables whose columns say how the change maps: before the swap original and shadow, after it old and new.
async fn sides(
    server: &Arc<Server>,
    names: &crate::plan::Artifacts,
    table: &TableName,
    bookkeeping: &Ident,
) -> Result<(Option<Table>, Option<Table>)> {
    let mut session = server.session_for(Role::Work, "connecting").await?;
    let beside = |name: &Ident| TableName { schema: table.schema.clone(), table: name.clone() };
    let old = inspect(&mut session, &beside(&names.old)).await?;
    let old = old.filter(|old| !cutover::is_gate(&old.create_sql));
    let kept = TableName { schema: bookkeeping.clone(), table: names.kept.clone() };
    let kept = inspect(&mut session, &kept).await?;
    let shadow = inspect(&mut session, &beside(&names.shadow)).await?;
    let current = inspect(&mut session, table).await?;
    session.close().await;
    Ok(match (old.or(kept), shadow) {
        (_, Some(shadow)) => (current, Some(shadow)),
        (Some(old), None) => (Some(old), current),
        (None, None) => (current.clone(), current),
    })
}

#[expect(clippy::too_many_arguments, reason = "a run is put together from what another process left")]
async fn adopt(
    server: &Arc<Server>,
    table: &TableName,
    options: RunOptions,
    runs: Runs,
    row: RunRow,
    checkpoint: Checkpoint,
    alter: &Alter,
    events: Events,
    stop: CancellationToken,
) -> Result<Run> {
    let (names, bookkeeping) = names(table, &options)?;
    let (original, target) = sides(server, &names, table, &bookkeeping).await?;
    let gone = || {
        Failure::new(Stop::Occupied, format!("{table} is gone"))
            .table("missing")
            .next("look for it under another name before anything else")
    };
    let (original, target) = (original.ok_or_else(gone)?, target.ok_or_else(gone)?);
    // With the trigger installation not done there may be no usable shadow; its columns then do not matter, because
    // preparation starts over.
    let mut mapping = ColumnMapping::new(alter, &original, &target);
    let noted = checkpoint.walked_key.as_deref();
    let mut key = noted_key(noted, &original, &mapping);
    if key.is_err() {
        let same = read_clauses("FORCE").expect("a clause without names");
        mapping = ColumnMapping::new(&same, &original, &original);
        key = noted_key(noted, &original, &mapping);
    }
    let key = key.map_err(|error| Failure::new(Stop::Occupied, format!("{table} has lost its key")).cause(error))?;
    let tally = Arc::new(Tally::default());
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    tally.rows_total.store(original.rows_estimate, relaxed);
    tally.rows_copied.store(checkpoint.rows_copied, relaxed);
    let mut change = Change::new(table.clone(), &bookkeeping, &names, key, mapping, row.id);
    if !checkpoint.drop_old {
        change = change.followed(server.facts.flavor);
    }
    Ok(Run {
        server: Arc::clone(server),
        change: Arc::new(change),
        options,
        row,
        checkpoint,
        runs,
        events,
        stop,
        tally,
    })
}

async fn original_exists(run: &Run) -> Result<bool> {
    let mut session = run.server.session_for(Role::Work, "connecting").await?;
    let is_there = exists(&mut session, &run.change.original).await?;
    session.close().await;
    Ok(is_there)
}

/// After a swap whose new table is gone, the old one is all there is of the rows.
async fn refuse_only_table(run: &Run) -> Result<()> {
    let change = &run.change;
    let mut session = run.server.session_for(Role::Work, "connecting").await?;
    let old = patiently(LOOKING, &mut session, async |session| schema::create_sql(session, &change.old).await).await?;
    session.close().await;
    if old.is_none_or(|old| cutover::is_gate(&old)) {
        return Ok(());
    }
    let table = change.original.argument();
    Err(Failure::new(Stop::Occupied, format!("{} is gone, and {} has its rows", change.original, change.old))
        .table("missing: the tables were swapped, and somebody has dropped the new one or given it another name")
        .next(format!("where the new one has another name, give it back, then `replank resume {table}`"))
        .next(format!("else `RENAME TABLE {} TO {}`, then `replank abort {table}`", change.old, change.original)))
}

async fn swapped(run: &Run) -> Result<bool> {
    let mut session = run.server.session_for(Role::Work, "connecting").await?;
    let swapped = patiently(LOOKING, &mut session, async |_| cutover::happened(run).await).await?;
    session.close().await;
    Ok(swapped)
}

/// A copy is only worth going on with when its mirror has missed nothing.
async fn check_mirror(run: &Run) -> Result<()> {
    let change = &run.change;
    let mut session = run.server.session_for(Role::Work, "connecting").await?;
    let shadow = exists(&mut session, &change.shadow).await?;
    let log = exists(&mut session, &change.log.table).await?;
    let difference = patiently(LOOKING, &mut session, async |session| cutover::difference(run, session).await).await?;
    session.close().await;
    let what = if !shadow || !log {
        "its shadow table or change log is gone".to_owned()
    } else if let Some(difference) = difference {
        difference
    } else {
        return Ok(());
    };
    let table = change.original.argument();
    Err(Failure::new(Stop::Occupied, format!("the run on {table} cannot go on: {what}"))
        .table("untouched")
        .next(format!("`replank abort {table}`, then run the change again")))
}

/// Refuses to take back a native change that is made, or may be.
async fn refuse_made(server: &Arc<Server>, row: &RunRow, checkpoint: &Checkpoint) -> Result<Standing> {
    let table = &row.table;
    if row.phase == Phase::Record {
        return Err(too_late(table));
    }
    let mut session = server.session_for(Role::Work, "connecting").await?;
    let own = patiently(LOOKING, &mut session, async |session| foreign_keys::family::own(session, table).await).await?;
    let is_dropped = |key: &foreign_keys::ForeignKey| own.iter().all(|own| own.name != key.name);
    if checkpoint.dropped_keys().iter().any(is_dropped) {
        session.close().await;
        return Err(too_late(table));
    }
    let standing =
        patiently(LOOKING, &mut session, async |session| Standing::read(session, table, checkpoint).await).await?;
    let open = match &row.ledger_id {
        Some(id) => record::is_open(&mut session, table, id).await?,
        None => false,
    };
    session.close().await;
    match standing {
        Standing::Before => Ok(standing),
        Standing::After => Err(too_late(table)),
        // Somebody has looked at the table and said what became of the migration.
        Standing::Foreign if !open => Ok(standing),
        Standing::Foreign => Err(unclear(table, Some(&row.migration))),
    }
}

async fn resume_native(native: NativeRun, opts: Opts, options: RunOptions, stop: CancellationToken) -> Result<()> {
    let row = &native.row;
    native.events.emit(Event::RunStarted {
        table: row.table.argument(),
        migration: row.migration.clone(),
        strategy: "by the server, resumed".into(),
        rows_estimate: 0,
        resumed: true,
    });
    match row.phase {
        Phase::Record => return native.record().await,
        Phase::Constrain => return native.constrain_and_record(&options, &stop).await,
        _ => {}
    }
    let mut session = native.server.session_for(Role::Work, "connecting").await?;
    let ask = async |session: &mut Session| Standing::read(session, &row.table, &native.checkpoint).await;
    let standing = patiently(LOOKING, &mut session, ask).await?;
    session.close().await;
    let options = &options;
    match standing {
        // Where nothing but foreign keys changes, there is nothing to tell one from the other.
        _ if native.checkpoint.made(read(row)?)?.clauses.is_empty() => {
            let survey = None;
            return native.run(survey, options, &stop).await;
        }
        Standing::Before => {}
        Standing::After => return native.constrain_and_record(options, &stop).await,
        Standing::Foreign => return Err(unclear(&row.table, row.ledger_id.as_ref().map(|_| row.migration.as_str()))),
    }
    let request = AlterRequest {
        server: opts,
        table: row.table.clone(),
        clauses: row.clauses.clone(),
        name: row.migration.clone(),
        step: native.checkpoint.step.clone(),
        options: options.clone(),
    };
    let give_up = format!("`replank abort {}` gives the change up", row.table.argument());
    let (survey, algorithm) =
        Survey::again(&request, &native.checkpoint).await.map_err(|failure| match failure.stop {
            Stop::Refused => failure.next(give_up),
            _ => failure,
        })?;
    native.run(Some((&survey, algorithm)), &request.options, &stop).await
}
