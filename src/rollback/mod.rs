//! The way back: the old table that a finished change keeps is brought up to date with every write made since, and
//! takes its place again.
//!
//! It is a run like the one that went there, with the sides exchanged: the original is the new table, the shadow is the
//! kept old one, the change log is the one that was armed before the swap. Applier, verification, cutover and clean-up
//! are the same code; nothing is copied.
//!
//! Invariant: until the swap the reverse log stays armed and every key it has given up is applied, so that a way back
//! that is interrupted or given up can be begun again at any time.

mod fillers;
mod interrupted;
mod migration;
mod misfits;
mod relations;
mod way_back;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use mysql_async::Opts;
use tokio_util::sync::CancellationToken;

use crate::change::{Change, Direction};
use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events, Phase};
use crate::mirror::applier::Stage;
use crate::mirror::{Applier, InFlight};
use crate::pipeline::{CAUGHT_UP, Mirrored, connect, when_mended};
use crate::plan::Artifacts;
use crate::prisma::MigrationsDirectory;
use crate::run::Run;
use crate::runs::{Checkpoint, RunRow, Runs, State};
use crate::schema;
use crate::server::owner::Owner;
use crate::server::{Role, Server, ServerError, Session, server_failure};
use crate::settings::RunOptions;
use crate::sql::{Ident, TableName};
use crate::survey::{find_table, names, unfinished};
use crate::tally::Tally;
use crate::{cleanup, cutover, foreign_keys, kept};
pub(crate) use interrupted::{Interrupted, abort, resume};
use way_back::WayBack;

/// What is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The last change of a table.
    Table(TableName),
    /// Everything that a migration has changed in a schema.
    Migration(Ident, String),
}

/// What `replank rollback` was asked to do.
#[derive(Debug, Clone)]
pub struct RollbackRequest {
    /// The server.
    pub server: Opts,
    /// What to take back.
    pub target: Target,
    /// The migrations directory, which tells what else a deployed migration has done.
    pub migrations: PathBuf,
    /// How.
    pub options: RunOptions,
    /// Whether somebody has agreed to what gets lost.
    pub agreed: bool,
}

/// What taking it back would lose; empty when nothing. Changes nothing.
pub async fn losses(request: &RollbackRequest) -> Result<Vec<String>> {
    let plan = Planned::make(request).await?;
    Ok(plan.steps.into_iter().flat_map(|step| step.way.losses).collect())
}

/// Takes it back.
pub async fn rollback(request: RollbackRequest, events: Events, stop: CancellationToken) -> Result<()> {
    let plan = Planned::make(&request).await?;
    let losses: Vec<&String> = plan.steps.iter().flat_map(|step| &step.way.losses).collect();
    if !losses.is_empty() && !request.agreed {
        return Err(not_agreed(&request.target, &losses));
    }
    for note in plan.steps.iter().flat_map(|step| step.way.losses.iter().chain(&step.way.notes)) {
        events.notice(note);
    }
    let Planned { server, runs, bookkeeping, steps } = plan;
    for Step { forward, checkpoint, .. } in steps {
        let since = Instant::now();
        let owner = Owner::acquire(&server, &forward.table, &events, &stop).await?;
        let begun = Begin {
            server: &server,
            runs: &runs,
            bookkeeping: &bookkeeping,
            options: request.options.clone(),
            events: events.clone(),
            stop: stop.clone(),
        };
        let gone_back = begun.run(&forward, &checkpoint, since).await;
        owner.release().await;
        gone_back?;
    }
    Ok(())
}

/// What a rollback does, table by table.
struct Planned {
    server: Arc<Server>,
    runs: Runs,
    bookkeeping: Ident,
    steps: Vec<Step>,
}

struct Step {
    forward: RunRow,
    checkpoint: Checkpoint,
    way: WayBack,
}

impl Planned {
    async fn make(request: &RollbackRequest) -> Result<Planned> {
        let any_table = match &request.target {
            Target::Table(table) => table.clone(),
            Target::Migration(schema, _) => TableName { schema: schema.clone(), table: Ident::new("_") },
        };
        let (server, any_table) = connect(request.server.clone(), &any_table).await?;
        let (_, bookkeeping) = names(&any_table, &request.options)?;
        let mut session = server.session_for(Role::Work, "connecting").await?;
        let runs = Runs::find(&server, &bookkeeping).await?;
        let found = match (&request.target, &runs) {
            (Target::Table(_), _) => {
                find_table(&mut session, &any_table).await?;
                let runs = runs.as_ref().ok_or_else(|| way_back::nothing_kept(&any_table))?;
                vec![migration::of_table(runs, &any_table).await?]
            }
            (Target::Migration(_, name), Some(runs)) => migration::of_migration(runs, name).await?,
            (Target::Migration(_, name), None) => return Err(migration::unknown(name)),
        };
        let runs = runs.ok_or_else(|| way_back::nothing_kept(&any_table))?;
        for (row, _) in &found {
            if let Some((running, _)) = runs.running(&row.table).await? {
                return Err(unfinished(&row.table, &running.migration));
            }
        }
        let directory = MigrationsDirectory::lenient(request.migrations.clone());
        migration::refuse_other_statements(&server, &runs, &found, &directory).await?;
        let mut steps = Vec::new();
        for (forward, checkpoint) in found {
            let earlier: Vec<&Checkpoint> = steps.iter().map(|step: &Step| &step.checkpoint).collect();
            let way = WayBack::find(&mut session, &bookkeeping, &forward, &checkpoint, &earlier).await?;
            refuse_misfits(&mut session, &way.change).await?;
            steps.push(Step { forward, checkpoint, way });
        }
        session.close().await;
        Ok(Planned { server, runs, bookkeeping, steps })
    }
}

/// One table's way back, about to begin.
struct Begin<'a> {
    server: &'a Arc<Server>,
    runs: &'a Runs,
    bookkeeping: &'a Ident,
    options: RunOptions,
    events: Events,
    stop: CancellationToken,
}

impl Begin<'_> {
    /// Begins a run, as the owner of the table, and takes it to its end.
    async fn run(self, forward: &RunRow, checkpoint: &Checkpoint, since: Instant) -> Result<()> {
        let mut session = self.server.session_for(Role::Work, "connecting").await?;
        // Another command may have come first.
        if let Some((running, _)) = self.runs.running(&forward.table).await? {
            return Err(unfinished(&forward.table, &running.migration));
        }
        let way = WayBack::find(&mut session, self.bookkeeping, forward, checkpoint, &[]).await?;
        let own = Checkpoint {
            original: Some(way.now.clone()),
            shadow_index: way.shadow_index.as_str().to_owned(),
            keep_for: checkpoint.keep_for,
            rolls_back: Some(forward.id),
            user_triggers: way.triggers.clone(),
            foreign_keys: way.keys.keys.clone(),
            key_changes: way.key_changes(),
            ..Checkpoint::default()
        };
        let row =
            self.runs.begin(&forward.table, &forward.migration, &forward.clauses, None, Phase::Prepare, &own).await?;
        let way = way.numbered(self.bookkeeping, row.id)?;
        session.close().await;
        let run = Run {
            server: Arc::clone(self.server),
            change: Arc::new(way.change),
            options: self.options,
            row,
            checkpoint: own,
            runs: self.runs.clone(),
            events: self.events,
            stop: self.stop,
            tally: Arc::new(Tally::default()),
        };
        run.tally.rows_total.store(way.rows_estimate, Ordering::Relaxed);
        told(&run, false);
        let back = Back { run, forward: forward.clone(), forward_checkpoint: checkpoint.clone(), since };
        back.from(Phase::Prepare).await
    }
}

fn told(run: &Run, resumed: bool) {
    run.events.emit(Event::RunStarted {
        table: run.change.original.argument(),
        migration: run.row.migration.clone(),
        strategy: format!("rollback of `{}`: the kept old table takes its place again", run.row.migration),
        rows_estimate: run.tally.rows_total.load(Ordering::Relaxed),
        resumed,
    });
}

/// A way back, from whichever phase it is at.
struct Back {
    run: Run,
    forward: RunRow,
    forward_checkpoint: Checkpoint,
    since: Instant,
}

impl Back {
    async fn from(self, phase: Phase) -> Result<()> {
        let (table, tally) = (self.run.change.original.clone(), Arc::clone(&self.run.tally));
        self.run_from(phase).await.map_err(|failure| with_way_on(failure, &table, tally.snapshot().phase))
    }

    async fn run_from(mut self, phase: Phase) -> Result<()> {
        let run = &mut self.run;
        if phase <= Phase::Prepare {
            let prepare = run.enter(Phase::Prepare).await?;
            bring_beside(run).await?;
            run.relocation().prove(&run.change.shadow).await?;
            prepare.leave();
        }
        if phase <= Phase::Cutover {
            let applier = drain(run).await?;
            let mut applier = Mirrored::verify(run, applier).await?;
            foreign_keys::constrain::prove_before(run, Some(&run.change.mapping))
                .await
                .map_err(|failure| when_mended(failure, &run.change.original))?;
            let cut = run.enter(Phase::Cutover).await?;
            run.relocation().stage(&run.change.shadow, &run.change.reverse).await?;
            run.mute_triggers().await.map_err(|failure| run.with_muted(failure))?;
            cutover::cut_over(run, &mut applier).await.map_err(|failure| run.with_muted(failure))?;
            run.events.emit(Event::Swapped { old_table: run.change.old.plain() });
            cut.leave();
        }
        if phase <= Phase::Record {
            run.tally.enter(Phase::Constrain);
            foreign_keys::settle::settle(run).await?;
            run.relocation().settle(&run.change.old, &run.change.reverse).await?;
        }
        if phase <= Phase::Constrain && !run.checkpoint.added_keys().is_empty() {
            let constrain = run.enter(Phase::Constrain).await?;
            foreign_keys::constrain::add(run).await.map_err(|failure| when_mended(failure, &run.change.original))?;
            constrain.leave();
        }
        if phase <= Phase::Record {
            self.record().await.map_err(|failure| Failure { stop: Stop::NotRecorded, ..failure })?;
        }
        let run = &mut self.run;
        let cleanup = run.enter(Phase::Cleanup).await?;
        let kept = match cleanup::clean_up(run).await {
            Ok(kept) => {
                run.runs.end(&run.row, State::Done).await?;
                cleanup.leave();
                kept
            }
            // It has happened: what cannot be cleaned up now is told, and is no failure of it.
            Err(failure) => {
                let (table, cause) = (run.change.original.argument(), failure.cause.unwrap_or_default());
                run.events.notice(format!("{}: {cause}; `replank resume {table}` removes what is left", failure.what));
                Some(run.change.old.clone())
            }
        };
        run.events.emit(Event::Finished {
            took: self.since.elapsed(),
            rows_copied: 0,
            keys_applied: run.tally.keys_applied.load(Ordering::Relaxed),
            old_table: kept.map(|table| table.plain()),
        });
        Ok(())
    }

    async fn record(&mut self) -> Result<()> {
        let run = &mut self.run;
        let phase = run.enter(Phase::Record).await?;
        let marked = migration::conclude(&run.server, &run.runs, &self.forward, &self.forward_checkpoint).await?;
        run.events.emit(Event::RolledBack { migration: run.row.migration.clone() });
        if marked {
            run.events.notice(pending_again(&run.row.migration));
        }
        phase.leave();
        Ok(())
    }
}

/// What Prisma makes of it.
fn pending_again(migration: &str) -> String {
    format!(
        "`{migration}` is marked as rolled back, so it is pending: the next `prisma migrate deploy` or `replank deploy` \
         would apply it again; to keep it out, delete its directory from the migrations (in version control, too), and \
         take the change out of `schema.prisma`"
    )
}

/// Moves the kept table to where the swap needs it, and makes room for values that only it has.
async fn bring_beside(run: &Run) -> Result<()> {
    let mut session = run.server.session_for(Role::Work, "connecting for the preparation").await?;
    let failed = |error: ServerError| server_failure("preparing the way back", &error);
    let change = &run.change;
    let from = kept_place(change);
    if from != change.shadow && schema::exists(&mut session, &from).await.map_err(failed)? {
        if schema::exists(&mut session, &change.shadow).await.map_err(failed)? {
            return Err(Failure::new(Stop::Occupied, format!("{} exists and is not ours", change.shadow))
                .table("untouched")
                .next("rename or drop that table; the old table needs its name"));
        }
        let sql = format!("RENAME TABLE {from} TO {}", change.shadow);
        session.execute(&sql).await.map_err(failed)?;
    }
    if let Some(aside) = &change.aside {
        let sql = aside.create_sql(&change.shadow, &change.shadow_key());
        session.execute(&sql).await.map_err(failed)?;
    }
    session.close().await;
    Ok(())
}

/// Applies what was written since the change, and gives the applier.
async fn drain(run: &mut Run) -> Result<Applier> {
    let phase = run.enter(Phase::Drain).await?;
    let mut session = run.server.session_for(Role::Work, "connecting the applier").await?;
    let failed = |error: ServerError| server_failure("pruning the log of what was written since", &error);
    // One entry for each key: what was written a thousand times is applied once.
    kept::prune(&mut session, &run.change.log.table, &run.stop).await.map_err(failed)?;
    let log = kept::log_size(&mut session, &run.change.log.table).await.map_err(failed)?;
    run.tally.backlog.store(log.map_or(0, |log| log.entries), Ordering::Relaxed);
    run.events.offer(run.tally.snapshot());
    let mut applier = Applier::new(
        session,
        Arc::clone(&run.change),
        Arc::new(InFlight::default()),
        Stage::Settled,
        run.events.clone(),
        Arc::clone(&run.tally),
    );
    if let Err(failure) = applier.drain_below(CAUGHT_UP, &run.stop).await {
        let mut session = run.server.session_for(Role::Work, "connecting").await?;
        refuse_misfits(&mut session, &run.change).await?;
        return Err(failure);
    }
    run.check_stop()?;
    phase.leave();
    Ok(applier)
}

/// Names what was written since and does not fit the old definition.
async fn refuse_misfits(session: &mut Session, change: &Change) -> Result<()> {
    let new = schema::inspect(session, &change.original).await.map_err(failed)?;
    let mut old = None;
    for place in [&change.shadow, &kept_place(change)] {
        old = old.or(schema::inspect(session, place).await.map_err(failed)?);
    }
    let (Some(new), Some(old)) = (new, old) else { return Ok(()) };
    match misfits::look(session, change, &new, &old).await? {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Where the old table is before it is brought beside the new one.
fn kept_place(change: &Change) -> TableName {
    let bookkeeping = &change.log.table.schema;
    match Artifacts::kept_in(&change.original, bookkeeping) {
        Ok(names) => TableName { schema: bookkeeping.clone(), table: names.kept },
        Err(_) => change.shadow.clone(),
    }
}

fn with_way_on(failure: Failure, table: &TableName, phase: Option<Phase>) -> Failure {
    let table = table.argument();
    let goes_on = format!("`replank resume {table}` goes on once the cause is gone");
    match phase {
        Some(Phase::Constrain) => failure.unless_said(Direction::Back.unsettled(), [goes_on]),
        Some(Phase::Record | Phase::Cleanup) => {
            failure.unless_said("rolled back: the old definition is in place", [goes_on])
        }
        _ => failure.unless_said(
            "untouched; writes go on being logged for the old table",
            [goes_on, format!("`replank abort {table}` stays with the new table and keeps the old one")],
        ),
    }
}

fn not_agreed(target: &Target, losses: &[&String]) -> Failure {
    let what = match target {
        Target::Table(table) => table.argument(),
        Target::Migration(_, name) => name.clone(),
    };
    let failure = Failure::refused(format!("rolling {what} back loses something, and nobody has agreed to it"))
        .table("untouched; writes go on being logged")
        .next(format!("`replank rollback {what} --yes` takes it back all the same"));
    let losses: Vec<&str> = losses.iter().map(|loss| loss.as_str()).collect();
    failure.cause(losses.join("; "))
}

fn failed(error: ServerError) -> Failure {
    server_failure("looking at the tables", &error)
}
