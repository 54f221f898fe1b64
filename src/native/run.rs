//! A native change from its first note to its record.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::{Ended, Native};
use crate::change::marker;
use crate::error::{Failure, Result};
use crate::event::{Event, Events, Phase};
use crate::plan::strategy::Algorithm;
use crate::record::{self, Recording};
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
    /// Alters, records.
    pub(crate) async fn run(
        mut self,
        survey: &Survey,
        algorithm: Algorithm,
        options: &RunOptions,
        stop: &CancellationToken,
    ) -> Result<()> {
        self.checkpoint.original = Some(survey.identity.clone());
        self.checkpoint.target_definition = survey.target.create_sql.clone();
        self.runs.save(&self.row, Phase::Native, &self.checkpoint).await.map_err(|failure| self.way_on(failure))?;
        let entered = Instant::now();
        self.events.emit(Event::PhaseStarted { phase: Phase::Native });
        let marker = marker(&self.row.table, self.row.id);
        let native = Native {
            server: &self.server,
            table: &self.row.table,
            alter: &survey.alter,
            algorithm,
            marker: &marker,
            checkpoint: &self.checkpoint,
            migration: self.recording.as_ref().map(|recording| recording.name.as_str()),
            options,
        };
        match native.run(&self.events, stop).await {
            Ok(Ended::Changed) => {}
            // There is nothing to resume.
            Ok(Ended::NotChanged(failure)) => {
                return Err(record::forget(&self.server, &self.runs, &self.row, failure).await);
            }
            Err(failure) => return Err(self.way_on(failure)),
        }
        self.events.emit(Event::PhaseFinished { phase: Phase::Native, took: entered.elapsed() });
        self.record().await
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
            let table = self.row.table.plain();
            self.events.notice(format!("{}: {cause}; `replank resume {table}` ends the run", failure.what));
        }
        let took = self.since.elapsed();
        self.events.emit(Event::Finished { took, rows_copied: 0, keys_applied: 0, old_table: None });
        Ok(())
    }

    /// Fills in what a failure deep inside cannot know.
    fn way_on(&self, failure: Failure) -> Failure {
        let table = self.row.table.plain();
        let goes_on = format!("`replank resume {table}` goes on once the cause is gone");
        failure.unless_said("untouched", [goes_on, format!("`replank abort {table}` forgets the change")])
    }
}
