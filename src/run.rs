//! What every step of a running change shares, and the bracket around each phase.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rand::RngExt;
use tokio_util::sync::CancellationToken;

use crate::change::{Change, Direction};
use crate::cutover;
use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events, Phase};
use crate::runs::{Checkpoint, RunRow, Runs};
use crate::server::retry::Tries;
use crate::server::{Disposition, Server, ServerError, Session};
use crate::settings::RunOptions;
use crate::tally::Tally;
use crate::user_triggers::Relocation;

/// A running change.
#[derive(Debug)]
pub struct Run {
    /// The server.
    pub server: Arc<Server>,
    /// What is changed into what.
    pub change: Arc<Change>,
    /// How.
    pub options: RunOptions,
    /// Its row in the bookkeeping schema.
    pub row: RunRow,
    /// What is kept for a resume.
    pub checkpoint: Checkpoint,
    /// The bookkeeping.
    pub runs: Runs,
    /// Where facts go.
    pub events: Events,
    /// Set when the run must stop at the next safe point.
    pub stop: CancellationToken,
    /// Numbers.
    pub tally: Arc<Tally>,
}

impl Run {
    /// Enters a phase: recorded for a resume before anything of it happens, told, and timed.
    pub async fn enter(&mut self, phase: Phase) -> Result<Entered> {
        self.runs.save(&self.row, phase, &self.checkpoint).await?;
        Ok(self.enter_unrecorded(phase))
    }

    /// Enters a phase that a resume need not know of.
    pub fn enter_unrecorded(&self, phase: Phase) -> Entered {
        self.tally.enter(phase);
        self.events.emit(Event::PhaseStarted { phase });
        self.events.offer(self.tally.snapshot());
        Entered { phase, since: Instant::now(), events: self.events.clone() }
    }

    /// The application's own triggers on their way to the new table.
    pub fn relocation(&self) -> Relocation<'_> {
        Relocation {
            server: &self.server,
            events: &self.events,
            triggers: &self.checkpoint.user_triggers,
            live: &self.change.original,
            patience: self.options.lock_patience,
            spare: &self.change.row_triggers.insert,
            muted_by: self.checkpoint.muted_by.as_deref(),
            command: "resume",
        }
    }

    /// Mutes the triggers of the application, where the row mirror is going to write the old table.
    pub async fn mute_triggers(&mut self) -> Result<()> {
        if self.checkpoint.foreign_keys.is_empty() || self.checkpoint.user_triggers.is_empty() {
            return Ok(());
        }
        cutover::refuse_foreign_change(self).await?;
        if self.checkpoint.muted_by.is_none() {
            let number: u64 = rand::rng().random();
            self.checkpoint.muted_by = Some(format!("@replank_swapped_{number:016x}"));
            self.runs.save(&self.row, Phase::Cutover, &self.checkpoint).await?;
        }
        self.relocation().mute(&|| self.check_stop()).await
    }

    /// Says of a failure before the swap that triggers have other names meanwhile.
    pub fn with_muted(&self, failure: Failure) -> Failure {
        if self.checkpoint.muted_by.is_none() || failure.stop == Stop::OutcomeUnknown {
            return failure;
        }
        let state = failure.table.as_deref().unwrap_or("untouched");
        let state = format!("{state}; its own triggers work, some under names of replank's until `resume` or `abort`");
        failure.table(state)
    }

    /// Runs a statement that defines a table of ours, and again after lock waits and deadlocks, by which it has done
    /// nothing. `refused` says what anything else means.
    pub async fn define(
        &self,
        session: &mut Session,
        sql: &str,
        refused: impl FnOnce(&ServerError) -> Failure,
    ) -> Result<()> {
        let mut tries = Tries::of("preparing the change");
        loop {
            self.check_stop()?;
            match session.execute(sql).await {
                Ok(_) => return Ok(()),
                Err(error) if error.disposition() == Disposition::Retry => {
                    tries.recover(session, error, &self.events).await?;
                }
                Err(error) => return Err(refused(&error)),
            }
        }
    }

    /// A failure when the run was asked to stop.
    pub fn check_stop(&self) -> Result<()> {
        if self.stop.is_cancelled() { Err(self.interrupted()) } else { Ok(()) }
    }

    /// The failure of a run that was asked to stop.
    pub fn interrupted(&self) -> Failure {
        let table = self.change.original.argument();
        let failure = Failure::new(Stop::Interrupted, format!("stopped at a safe point in {table}"));
        let goes_on = format!("`replank resume {table}` goes on");
        if self.tally.snapshot().phase == Some(Phase::Constrain) {
            return failure.table(self.change.direction.unsettled()).next(goes_on);
        }
        if self.change.direction == Direction::Back {
            return failure
                .table("untouched; writes go on being logged for the old table")
                .next(goes_on)
                .next(format!("`replank abort {table}` stays with the new table and keeps the old one"));
        }
        if self.tally.snapshot().phase.is_none_or(|phase| phase <= Phase::Prepare) {
            return failure
                .table("untouched; nothing is copied yet")
                .next(goes_on)
                .next(format!("`replank abort {table}` removes what was made for the copy"));
        }
        let copied = self.tally.rows_copied.load(Ordering::Relaxed);
        failure
            .table(format!("untouched; {copied} copied rows are kept, and the triggers go on logging what is written"))
            .next(goes_on)
            .next(format!("`replank abort {table}` removes the copy and the triggers"))
    }
}

/// A phase that is running.
#[derive(Debug)]
#[must_use]
pub struct Entered {
    phase: Phase,
    since: Instant,
    events: Events,
}

impl Entered {
    /// The phase is over.
    pub fn leave(self) {
        self.events.emit(Event::PhaseFinished { phase: self.phase, took: self.since.elapsed() });
    }
}
