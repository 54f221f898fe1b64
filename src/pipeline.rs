//! The whole change on one screen: plan, prepare, copy with apply, index, verify, cut over, record, clean up.
//!
//! Each step adopts what an earlier, interrupted run left, so a resume is the same code entered at a later phase.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use mysql_async::Opts;
use tokio_util::sync::CancellationToken;

use crate::change::{Change, Direction};
use crate::cutover;
use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events, Phase};
use crate::mirror::applier::Stage;
use crate::mirror::{Applier, Background, InFlight};
use crate::native::NativeRun;
use crate::plan::explain::Plan;
use crate::plan::strategy::Strategy;
use crate::prepare;
use crate::prisma::{Ledger, MigrationName};
use crate::record::{self, Recording};
use crate::run::Run;
use crate::runs::{Checkpoint, RunRow, Runs, State};
use crate::server::owner::Owner;
use crate::server::{Role, Server};
use crate::settings::AlterRequest;
use crate::sql::TableName;
use crate::survey::Survey;
use crate::tally::Tally;
use crate::throttle::Throttle;
use crate::{cleanup, copy, foreign_keys, index, verify};

pub use crate::takeover::{Taken, abort, resume};

/// Says what a change would do. Changes nothing.
pub async fn dry_run(request: AlterRequest) -> Result<Plan> {
    let name = MigrationName::parse(&request.name)?;
    let survey = Survey::make(&request).await?;
    let recording = match request.options.record {
        true => Some(check_recording(&request, &survey, &name).await?),
        false => None,
    };
    Ok(survey.explain(&request, recording.as_ref()))
}

/// Makes one change.
pub async fn alter(request: AlterRequest, events: Events, stop: CancellationToken) -> Result<()> {
    let since = Instant::now();
    let name = MigrationName::parse(&request.name)?;
    events.emit(Event::PhaseStarted { phase: Phase::Plan });
    let survey = Survey::make(&request).await?;
    let recording = match request.options.record {
        true => Some(check_recording(&request, &survey, &name).await?),
        false => None,
    };
    events.emit(Event::PhaseFinished { phase: Phase::Plan, took: since.elapsed() });
    owned(request, survey, recording, events, stop, since).await
}

/// Makes one change that a deploy asks for and records.
pub(crate) async fn change(
    request: AlterRequest,
    survey: Survey,
    events: Events,
    stop: CancellationToken,
) -> Result<()> {
    owned(request, survey, None, events, stop, Instant::now()).await
}

/// Makes a change that was surveyed, as the owner of its table.
async fn owned(
    request: AlterRequest,
    survey: Survey,
    recording: Option<Recording>,
    events: Events,
    stop: CancellationToken,
    since: Instant,
) -> Result<()> {
    survey.warnings.iter().for_each(|warning| events.notice(warning));
    let server = Arc::clone(&survey.server);
    let table = survey.table.name.clone();
    let owner = Owner::acquire(&server, &table, &events, &stop).await?;
    let changed = begin(request, survey, recording, events, stop, since).await;
    owner.release().await;
    changed
}

async fn check_recording(request: &AlterRequest, survey: &Survey, name: &MigrationName) -> Result<Recording> {
    let recording = Recording::plan(&request.options, &survey.table.name, &survey.alter, name)?;
    let own = match Runs::find(&survey.server, &survey.bookkeeping).await? {
        Some(runs) => runs.recorded().await?.into_iter().map(|run| run.ledger_id).collect(),
        None => Vec::new(),
    };
    let mut session = survey.server.session_for(Role::Work, "connecting").await?;
    recording.check_ledger(&mut session, &own).await?;
    session.close().await;
    Ok(recording)
}

async fn begin(
    request: AlterRequest,
    survey: Survey,
    recording: Option<Recording>,
    events: Events,
    stop: CancellationToken,
    since: Instant,
) -> Result<()> {
    let server = Arc::clone(&survey.server);
    let table = survey.table.name.clone();
    let runs = Runs::open(&server, &survey.bookkeeping).await?;
    if let Some((row, _)) = runs.running(&table).await? {
        return Err(crate::survey::unfinished(&table, &row.migration));
    }
    let migration = recording.as_ref().map_or_else(|| request.name.clone(), |recording| recording.name.clone());
    let first = if survey.strategy == Strategy::Copy { Phase::Prepare } else { Phase::Native };
    let checkpoint = Checkpoint {
        original: Some(survey.identity.clone()),
        drop_old: request.options.drop_old,
        step: request.step.clone(),
        keep_for: Some(request.options.keep_for.as_secs()),
        key_changes: survey.key_changes.clone(),
        walked_key: survey.key.as_ref().map(|key| key.index.as_str().to_owned()),
        ..Checkpoint::default()
    };
    // Its id is in the run's row from the start: a process that dies before the ledger has its row is known by it.
    let ledger_id = recording.as_ref().map(|_| Ledger::new_id());
    let row = runs.begin(&table, &migration, &request.clauses, ledger_id.as_deref(), first, &checkpoint).await?;
    if let Some(recording) = &recording
        && let Err(failure) = start_record(&server, &row, recording).await
    {
        let failure = failure.table("untouched").next("run the command again once the cause is gone");
        return Err(record::forget(&server, &runs, &row, failure).await);
    }
    events.emit(Event::RunStarted {
        table: table.argument(),
        migration,
        strategy: format!("{}: {}", survey.strategy.label(), survey.reason),
        rows_estimate: survey.table.rows_estimate,
        resumed: false,
    });
    if let Some(algorithm) = survey.strategy.algorithm() {
        let native = NativeRun { server, row, runs, checkpoint, recording, events, since };
        return native.run(Some((&survey, algorithm)), &request.options, &stop).await;
    }
    let key = survey.key.clone().expect("a copy has a key to walk");
    let mut change = Change::new(table, &survey.bookkeeping, &survey.names, key, survey.mapping.clone(), row.id);
    if !checkpoint.drop_old {
        change = change.followed(server.facts.flavor);
    }
    let tally = Arc::new(Tally::default());
    tally.rows_total.store(survey.table.rows_estimate, Ordering::Relaxed);
    let run =
        Run { server, change: Arc::new(change), options: request.options, row, checkpoint, runs, events, stop, tally };
    Pipeline { run, recording, since }.from(Phase::Prepare, &survey.made).await
}

/// Inserts the migration's unfinished row, whose id is noted before.
async fn start_record(server: &Arc<Server>, row: &RunRow, recording: &Recording) -> Result<()> {
    let Some(id) = &row.ledger_id else { return Ok(()) };
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    recording.start(&mut session, id).await?;
    session.close().await;
    Ok(())
}

/// An online copy, from whichever phase it is at.
pub(crate) struct Pipeline {
    /// The run.
    pub run: Run,
    /// Its migration, `None` when it is not recorded.
    pub recording: Option<Recording>,
    /// When this process began.
    pub since: Instant,
}

impl Pipeline {
    /// Runs all phases from `phase` on.
    pub(crate) async fn from(self, phase: Phase, alter: &crate::plan::Alter) -> Result<()> {
        let (table, tally) = (self.run.change.original.clone(), Arc::clone(&self.run.tally));
        let server = Arc::clone(&self.run.server);
        let Err(failure) = self.run_from(phase, alter).await else { return Ok(()) };
        let before_the_swap = tally.snapshot().phase.is_none_or(|phase| phase <= Phase::Cutover);
        let failure = if failure.stop == Stop::Server && before_the_swap && is_gone(&server, &table).await {
            gone(&table).cause(failure.cause.unwrap_or_default())
        } else {
            failure
        };
        Err(with_way_on(failure, &table, tally.snapshot().phase))
    }

    async fn run_from(mut self, phase: Phase, alter: &crate::plan::Alter) -> Result<()> {
        let run = &mut self.run;
        if phase <= Phase::Prepare {
            let prepare = run.enter(Phase::Prepare).await?;
            prepare::prepare(run, alter).await?;
            prepare.leave();
        }
        if phase <= Phase::Cutover {
            let applier = Mirrored::copy(run, phase <= Phase::Copy).await?;
            let applier = Mirrored::index(run, applier).await?;
            let applier = Mirrored::verify(run, applier).await?;
            let proved = foreign_keys::constrain::prove_before(run, Some(&run.change.mapping)).await;
            proved.map_err(|failure| when_mended(failure, &run.change.original))?;
            Mirrored::cut_over(run, applier).await?;
        }
        if phase <= Phase::Record {
            self.run.tally.enter(Phase::Constrain);
            foreign_keys::settle::settle(&self.run).await?;
            self.run.relocation().settle(&self.run.change.old, &self.run.change.reverse).await?;
        }
        if phase <= Phase::Constrain && !self.run.checkpoint.added_keys().is_empty() {
            let constrain = self.run.enter(Phase::Constrain).await?;
            let added = foreign_keys::constrain::add(&self.run).await;
            added.map_err(|failure| when_mended(failure, &self.run.change.original))?;
            constrain.leave();
        }
        if phase <= Phase::Record {
            let table = self.run.change.original.clone();
            self.record().await.map_err(|failure| record::not_recorded(failure, &table))?;
        }
        // The change has happened and is recorded: what cannot be cleaned up now is told, and is no failure of it.
        match self.clean_up().await {
            Ok(old_table) => self.finished(old_table),
            Err(failure) => {
                let table = self.run.change.original.argument();
                let cause = failure.cause.unwrap_or_default();
                self.run
                    .events
                    .notice(format!("{}: {cause}; `replank resume {table}` removes what is left", failure.what));
                self.finished(Some(self.run.change.old.clone()));
            }
        }
        Ok(())
    }

    async fn clean_up(&mut self) -> Result<Option<TableName>> {
        let run = &mut self.run;
        let cleanup = run.enter(Phase::Cleanup).await?;
        let old_table = cleanup::clean_up(run).await?;
        run.runs.end(&run.row, State::Done).await?;
        cleanup.leave();
        Ok(old_table)
    }

    async fn record(&mut self) -> Result<()> {
        let run = &mut self.run;
        let phase = run.enter(Phase::Record).await?;
        record::conclude(&run.server, &run.row, self.recording.as_ref(), &run.events).await?;
        phase.leave();
        Ok(())
    }

    fn finished(&self, old_table: Option<TableName>) {
        if let Some(kept) = old_table.as_ref().filter(|kept| kept.schema == self.run.change.original.schema) {
            self.run.events.notice(format!(
                "{kept} is in the application's own schema, where `prisma db pull` and `migrate dev` take it for drift \
                 until it is cleaned up"
            ));
        }
        self.run.events.emit(Event::Finished {
            took: self.since.elapsed(),
            rows_copied: self.run.tally.rows_copied.load(Ordering::Relaxed),
            keys_applied: self.run.tally.keys_applied.load(Ordering::Relaxed),
            old_table: old_table.map(|table| table.plain()),
        });
    }
}

/// Whether somebody has dropped the table, or given it another name: then whatever failed, failed because of that.
async fn is_gone(server: &Arc<Server>, table: &TableName) -> bool {
    let Ok(mut session) = server.session(Role::Work).await else { return false };
    // Not information_schema, which hides what this account may not see.
    let definition = crate::schema::create_sql(&mut session, table).await;
    session.close().await;
    matches!(definition, Ok(None))
}

fn gone(table: &TableName) -> Failure {
    Failure::new(Stop::Occupied, format!("{table} is gone"))
        .table("missing: somebody has dropped it or given it another name")
        .next(format!("`replank abort {}` removes what this run has made", table.argument()))
}

/// Fills in what a failure deep inside cannot know: what the table is now and how to go on.
fn with_way_on(failure: Failure, table: &TableName, phase: Option<Phase>) -> Failure {
    let table = table.argument();
    let goes_on = format!("`replank resume {table}` goes on once the cause is gone");
    let takes_back = format!("`replank abort {table}` takes everything back");
    match phase {
        None | Some(Phase::Plan | Phase::Prepare | Phase::Native) => {
            failure.unless_said("untouched", [goes_on, takes_back])
        }
        Some(Phase::Copy | Phase::Index | Phase::Drain | Phase::Verify | Phase::Cutover) => failure.unless_said(
            "untouched; what was copied is kept, and its triggers go on logging what is written",
            [goes_on, takes_back],
        ),
        Some(Phase::Constrain) => failure.unless_said(Direction::Forward.unsettled(), [goes_on]),
        Some(Phase::Record | Phase::Cleanup) => {
            failure.unless_said("changed: the new definition is in place", [goes_on])
        }
    }
}

/// Rows in the way of a foreign key have said by themselves what to do about them.
pub(crate) fn when_mended(failure: Failure, table: &TableName) -> Failure {
    match failure.stop {
        Stop::Refused => failure.next(format!("then `replank resume {}`", table.argument())),
        _ => failure,
    }
}

/// The phases during which the mirror is on.
pub(crate) struct Mirrored;

impl Mirrored {
    /// Copies while the applier runs; gives the applier back with no chunk in flight.
    async fn copy(run: &mut Run, copying: bool) -> Result<Applier> {
        let in_flight = Arc::new(InFlight::default());
        let stage = if copying { Stage::Copying } else { Stage::Settled };
        let session = run.server.session_for(Role::Work, "connecting the applier").await?;
        let applier = Applier::new(
            session,
            Arc::clone(&run.change),
            Arc::clone(&in_flight),
            stage,
            run.events.clone(),
            Arc::clone(&run.tally),
        );
        if !copying {
            return Ok(applier);
        }
        let phase = run.enter(Phase::Copy).await?;
        let halt = run.stop.child_token();
        let (throttle, sampler) = Throttle::start(&run.server, &run.options, &run.events, &run.tally).await?;
        let background = applier.spawn(halt.clone());
        let copied = copy::workers::copy(run, in_flight, throttle, halt.clone()).await;
        sampler.stop().await;
        let applier = settle(background, copied).await?;
        run.check_stop()?;
        phase.leave();
        Ok(applier)
    }

    /// Builds the indexes while the log grows, then catches up.
    async fn index(run: &mut Run, mut applier: Applier) -> Result<Applier> {
        let phase = run.enter(Phase::Index).await?;
        index::restore_temporary_key(run).await?;
        if !index::is_built(run).await? {
            // What was logged during the copy is cheaper to apply before there are indexes to maintain, too.
            applier.catch_up(&run.stop).await?;
        }
        index::build(run).await?;
        applier.settle();
        applier.drain_below(CAUGHT_UP, &run.stop).await?;
        run.check_stop()?;
        phase.leave();
        Ok(applier)
    }

    /// Compares and repairs while the applier runs.
    pub(crate) async fn verify(run: &mut Run, applier: Applier) -> Result<Applier> {
        let phase = run.enter(Phase::Verify).await?;
        let halt = run.stop.child_token();
        let background = applier.spawn(halt.clone());
        let verified = verify::verify(run, &halt).await;
        let applier = settle(background, verified).await?;
        run.check_stop()?;
        phase.leave();
        Ok(applier)
    }

    /// Swaps.
    async fn cut_over(run: &mut Run, mut applier: Applier) -> Result<()> {
        let phase = run.enter(Phase::Cutover).await?;
        run.relocation().stage(&run.change.shadow, &run.change.reverse).await?;
        if !run.options.drop_old {
            run.checkpoint.reverse_log = Some(cutover::arm(run).await?);
            run.checkpoint.reverse_armed = true;
            run.runs.save(&run.row, Phase::Cutover, &run.checkpoint).await?;
        }
        run.mute_triggers().await.map_err(|failure| run.with_muted(failure))?;
        cutover::cut_over(run, &mut applier).await.map_err(|failure| run.with_muted(failure))?;
        run.events.emit(Event::Swapped { old_table: run.change.old.plain() });
        phase.leave();
        Ok(())
    }
}

/// Fewer log rows than this mean that the applier has caught up.
pub(crate) const CAUGHT_UP: usize = 1_000;

/// Takes the applier back and tells the cause when the phase failed because the applier did.
async fn settle(background: Background, outcome: Result<()>) -> Result<Applier> {
    let applier = background.join().await;
    match (outcome, applier) {
        (Ok(()), applier) => applier,
        (Err(failure), Ok(_)) => Err(failure),
        // Both failed: the first to fail stopped the other, and an interruption is never the cause.
        (Err(failure), Err(applier)) => Err(if failure.stop == Stop::Interrupted { applier } else { failure }),
    }
}

/// Connects for a command on an existing run.
pub(crate) async fn connect(server: Opts, table: &TableName) -> Result<(Arc<Server>, TableName)> {
    let server = Server::open(server).await?;
    let table = crate::survey::stored_name(&server, table);
    Ok((server, table))
}
