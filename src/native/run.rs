//! A native change from its first note to its record.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::{Ended, Native};
use crate::change::marker;
use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events, Phase};
use crate::foreign_keys::{constrain, drop};
use crate::plan::strategy::Algorithm;
use crate::record::{self, Recording};
use crate::run::Run;
use crate::runs::{Checkpoint, RunRow, Runs, State};
use crate::server::Server;
use crate::settings::RunOptions;
use crate::survey::Survey;

/// A change that the server makes.
pub(crate) struct NativeRun {
    pub server: Arc<Server>,
    pub row: RunRow,
    pub runs: Runs,
    pub checkpoint: Checkpoint,
    pub recording: Option<Recording>,
    pub events: Events,
    pub since: Instant,
}

impl NativeRun {
    /// Drops foreign keys, alters, adds foreign keys, records. `survey` is `None` for a run that changes foreign keys only
    /// and is resumed: what it does to them it has noted.
    pub(crate) async fn run(
        mut self,
        survey: Option<(&Survey, Algorithm)>,
        options: &RunOptions,
        stop: &CancellationToken,
    ) -> Result<()> {
        if let Some((survey, _)) = survey {
            self.checkpoint.original = Some(survey.identity.clone());
            self.checkpoint.target_definition = survey.target.create_sql.clone();
        }
        self.runs.save(&self.row, Phase::Native, &self.checkpoint).await.map_err(|failure| self.way_on(failure))?;
        let survey = survey.filter(|(survey, _)| survey.made.changes().next().is_some());
        let dropped = self.checkpoint.dropped_keys();
        if survey.is_some() || !dropped.is_empty() {
            let entered = Instant::now();
            self.events.emit(Event::PhaseStarted { phase: Phase::Native });
            if !dropped.is_empty() {
                let run = self.keys_run(options, stop).await.map_err(|failure| self.way_on(failure))?;
                drop::drop(&run, dropped).await.map_err(|failure| self.way_on(failure))?;
            }
            if let Some((survey, algorithm)) = survey {
                self.alter(survey, algorithm, options, stop).await?;
            }
            self.events.emit(Event::PhaseFinished { phase: Phase::Native, took: entered.elapsed() });
        }
        self.constrain_and_record(options, stop).await
    }

    async fn alter(
        &self,
        survey: &Survey,
        algorithm: Algorithm,
        options: &RunOptions,
        stop: &CancellationToken,
    ) -> Result<()> {
        let marker = marker(&self.row.table, self.row.id);
        let native = Native {
            server: &self.server,
            table: &self.row.table,
            alter: &survey.made,
            algorithm,
            marker: &marker,
            checkpoint: &self.checkpoint,
            migration: self.recording.as_ref().map(|recording| recording.name.as_str()),
            options,
        };
        match native.run(&self.events, stop).await {
            Ok(Ended::Changed) => Ok(()),
            // There is nothing to resume.
            Ok(Ended::NotChanged(failure)) if self.checkpoint.dropped_keys().is_empty() => {
                Err(record::forget(&self.server, &self.runs, &self.row, failure).await)
            }
            Ok(Ended::NotChanged(failure)) => Err(self.half_way(failure)),
            Err(failure) => Err(self.way_on(failure)),
        }
    }

    /// Adds foreign keys, if there are any to add, and records.
    pub(crate) async fn constrain_and_record(&self, options: &RunOptions, stop: &CancellationToken) -> Result<()> {
        if !self.checkpoint.added_keys().is_empty() {
            let entered = Instant::now();
            self.events.emit(Event::PhaseStarted { phase: Phase::Constrain });
            if let Err(failure) = self.constrain(options, stop).await {
                return Err(self.not_constrained(failure).await);
            }
            self.events.emit(Event::PhaseFinished { phase: Phase::Constrain, took: entered.elapsed() });
        }
        self.record().await
    }

    async fn constrain(&self, options: &RunOptions, stop: &CancellationToken) -> Result<()> {
        let run = self.keys_run(options, stop).await?;
        constrain::prove_before(&run, None).await?;
        self.runs.save(&self.row, Phase::Constrain, &self.checkpoint).await?;
        constrain::add(&run).await
    }

    /// A run without a foreign key that was to be added. Where nothing else was to be done, there was no run.
    async fn not_constrained(&self, failure: Failure) -> Failure {
        let changes = self.checkpoint.key_changes.as_ref();
        let nothing_else = changes.is_some_and(|changes| changes.dropped.is_empty() && changes.rest.is_empty());
        match failure.stop {
            Stop::Refused if nothing_else => {
                let failure = failure.table("untouched").next("then run the command again");
                record::forget(&self.server, &self.runs, &self.row, failure).await
            }
            Stop::Refused => self.half_way(failure),
            _ if nothing_else => {
                let table = self.row.table.argument();
                let table_is = "untouched, or with the foreign key, which checks all that is written, before all rows are \
                                looked at";
                let goes_on = format!("`replank resume {table}` goes on once the cause is gone");
                failure.unless_said(table_is, [goes_on, format!("`replank abort {table}` takes the foreign key back")])
            }
            _ => self.half_way(failure),
        }
    }

    /// A run of which some is done.
    fn half_way(&self, failure: Failure) -> Failure {
        let table = self.row.table.argument();
        Failure { table: None, ..failure }
            .table("changed in part: `replank status` shows the run")
            .next(format!("`replank resume {table}` goes on once the cause is gone"))
    }

    /// What moves foreign keys, which knows runs that copy.
    async fn keys_run(&self, options: &RunOptions, stop: &CancellationToken) -> Result<Run> {
        constrain::run_of(
            &self.server,
            &self.runs,
            &self.row,
            &self.checkpoint,
            options.clone(),
            self.events.clone(),
            stop.clone(),
        )
        .await
    }

    /// Records a change that the server has made.
    pub(crate) async fn record(&self) -> Result<()> {
        let recorded = async {
            self.runs.save(&self.row, Phase::Record, &self.checkpoint).await?;
            record::conclude(&self.server, &self.row, self.recording.as_ref(), &self.events).await
        };
        recorded.await.map_err(|failure| record::not_recorded(failure, &self.row.table))?;
        if let Err(failure) = self.runs.end(&self.row, State::Done).await {
            let cause = failure.cause.unwrap_or_default();
            let table = self.row.table.argument();
            self.events.notice(format!("{}: {cause}; `replank resume {table}` ends the run", failure.what));
        }
        let took = self.since.elapsed();
        self.events.emit(Event::Finished { took, rows_copied: 0, keys_applied: 0, old_table: None });
        Ok(())
    }

    /// Fills in what a failure deep inside cannot know.
    fn way_on(&self, failure: Failure) -> Failure {
        let table = self.row.table.argument();
        let goes_on = format!("`replank resume {table}` goes on once the cause is gone");
        failure.unless_said("untouched", [goes_on, format!("`replank abort {table}` forgets the change")])
    }
}
