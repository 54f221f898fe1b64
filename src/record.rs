//! Writes the change down where Prisma looks: `migration.sql` in the migrations directory, a row in its ledger.
//!
//! The row is inserted before the work starts, so that Prisma sees a running or crashed change as unfinished and stays
//! away; the file is written after the swap, because a file without its change would be applied by `migrate deploy`.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events};
use crate::plan::Alter;
use crate::prisma::ledger::LEDGER_TABLE;
use crate::prisma::{Ledger, MigrationName, MigrationsDirectory, Recorded, alter_script, checksum, unfinished_failure};
use crate::runs::{RunRow, Runs, State};
use crate::server::{Role, Server, Session, errno, server_failure};
use crate::settings::RunOptions;
use crate::sql::TableName;

/// A migration to be recorded.
#[derive(Debug)]
pub struct Recording {
    directory: MigrationsDirectory,
    ledger: Ledger,
    /// Full name, stamp included.
    pub name: String,
    script: String,
}

impl Recording {
    /// Checks name and directory; nothing is written.
    pub fn plan(options: &RunOptions, table: &TableName, alter: &Alter, name: &MigrationName) -> Result<Recording> {
        let directory = MigrationsDirectory::open(&options.migrations).map_err(|failure| {
            failure.next("or pass `--no-record` to change the table without recording a migration")
        })?;
        let name = directory.stamp(name, Timestamp::now())?;
        directory.check_writable()?;
        Ok(Recording {
            directory,
            ledger: Ledger::of(table.schema.clone()),
            name,
            script: alter_script(&table.table, alter),
        })
    }

    /// The recording of a run that is resumed.
    pub fn adopt(options: &RunOptions, table: &TableName, alter: &Alter, name: &str) -> Result<Recording> {
        let directory = MigrationsDirectory::open(&options.migrations)?;
        directory.check_writable()?;
        Ok(Recording {
            directory,
            ledger: Ledger::of(table.schema.clone()),
            name: name.to_owned(),
            script: alter_script(&table.table, alter),
        })
    }

    /// What the ledger gets before and after the change, for a plan.
    pub fn statements(&self) -> (String, [String; 2]) {
        self.ledger.planned(&self.name, &checksum(&self.script), Timestamp::now())
    }

    /// Refuses when there is no ledger, or when it has unfinished rows that are not ours: Prisma would stop there too.
    pub async fn check_ledger(&self, session: &mut Session, own: &[String]) -> Result<()> {
        let failed = |error| server_failure("reading `_prisma_migrations`", &error);
        if !self.ledger.exists(session).await.map_err(failed)? {
            return Err(self.ledger.missing_failure());
        }
        let mut rows = self.ledger.unfinished_rows(session).await.map_err(failed)?;
        rows.retain(|row| !own.contains(&row.id));
        if rows.is_empty() { Ok(()) } else { Err(unfinished_failure(&rows)) }
    }

    /// Inserts the unfinished row, unless it is there.
    pub async fn start(&self, session: &mut Session, id: &str) -> Result<()> {
        let failed = |error| server_failure("writing to `_prisma_migrations`", &error);
        if self.ledger.row(session, id).await.map_err(failed)?.is_none() {
            let checksum = checksum(&self.script);
            self.ledger.record_started(session, id, &self.name, &checksum, Timestamp::now()).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Writes the file and finishes the row; gives the file's path and checksum.
    pub async fn finish(&self, session: &mut Session, id: &str) -> Result<(PathBuf, String)> {
        // A file without its row would be applied by the next deploy.
        match self.ledger.row(session, id).await.map_err(|error| self.not_recorded(error))? {
            None => return Err(self.not_recorded("somebody deleted its row meanwhile")),
            Some(row) if row.rolled_back_at.is_some() => {
                return Err(self.not_recorded("somebody marked its row as rolled back meanwhile"));
            }
            Some(_) => {}
        }
        let file = self.directory.write(&self.name, &self.script).map_err(|error| self.not_recorded(error))?;
        let recorded = self.ledger.record_finished(session, id, Timestamp::now()).await;
        match recorded.map_err(|error| self.not_recorded(error))? {
            Recorded::Applied => Ok((file, checksum(&self.script))),
            Recorded::RolledBack => Err(self.not_recorded("somebody marked its row as rolled back meanwhile")),
            Recorded::Missing => Err(self.not_recorded("somebody deleted its row meanwhile")),
        }
    }

    fn not_recorded(&self, cause: impl std::fmt::Display) -> Failure {
        Failure::new(Stop::NotRecorded, format!("the migration `{}` could not be recorded", self.name))
            .table("changed: the new definition is in place")
            .next(
                "`replank resume` on the table records it once the cause is gone; with `--no-record` it only cleans up",
            )
            .next(format!(
                "or put the script at {} and run `prisma migrate resolve --applied {}`",
                self.directory.script_path(&self.name).display(),
                self.name
            ))
            .cause(cause)
    }
}

/// Records a change that has happened. Without a recording, the unfinished row of a run that was begun with one is
/// removed: Prisma would wait for its end forever.
pub async fn conclude(
    server: &Arc<Server>,
    row: &RunRow,
    recording: Option<&Recording>,
    events: &Events,
) -> Result<()> {
    let Some(id) = &row.ledger_id else { return Ok(()) };
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    match recording {
        Some(recording) => {
            let (file, checksum) = recording.finish(&mut session, id).await?;
            events.emit(Event::Recorded { file: file.display().to_string(), checksum });
        }
        None if withdraw(&row.table, &mut session, id).await? => events.notice(format!(
            "the change is made and not recorded: the unfinished row of `{}` was removed from `{LEDGER_TABLE}`",
            row.migration
        )),
        None => {}
    }
    session.close().await;
    Ok(())
}

/// Ends a run of which nothing has happened, as if it had never begun, and gives back why.
pub async fn forget(server: &Arc<Server>, runs: &Runs, row: &RunRow, why: Failure) -> Failure {
    match take_back(server, runs, row).await {
        Ok(()) => why,
        Err(also) => {
            let cause = also.cause.unwrap_or_default();
            why.next(format!("`replank abort {}` first: the run could not be ended ({cause})", row.table.argument()))
        }
    }
}

/// Removes the unfinished row of a run from the ledger, and ends the run.
pub async fn take_back(server: &Arc<Server>, runs: &Runs, row: &RunRow) -> Result<()> {
    if let Some(id) = &row.ledger_id {
        let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
        withdraw(&row.table, &mut session, id).await?;
        session.close().await;
    }
    runs.end(row, State::Aborted).await
}

/// Whether a row still waits for its end: somebody may have finished it, resolved it or deleted it.
pub async fn is_open(session: &mut Session, table: &TableName, id: &str) -> Result<bool> {
    match Ledger::of(table.schema.clone()).row(session, id).await {
        Ok(row) => Ok(row.is_some_and(|row| row.finished_at.is_none() && row.rolled_back_at.is_none())),
        Err(error) if error.code() == Some(errno::NO_SUCH_TABLE) => Ok(false),
        Err(error) => Err(server_failure("reading `_prisma_migrations`", &error)),
    }
}

/// Removes an unfinished row; false when it is gone, or finished, or resolved by somebody.
async fn withdraw(table: &TableName, session: &mut Session, id: &str) -> Result<bool> {
    match Ledger::of(table.schema.clone()).remove(session, id).await {
        Ok(removed) => Ok(removed),
        Err(error) if error.code() == Some(errno::NO_SUCH_TABLE) => Ok(false),
        Err(error) => Err(server_failure("removing the row from `_prisma_migrations`", &error)),
    }
}

/// The change has happened: whatever stops its record is no failure that leaves the table untouched.
pub fn not_recorded(failure: Failure, table: &TableName) -> Failure {
    if failure.stop == Stop::NotRecorded {
        return failure;
    }
    Failure { stop: Stop::NotRecorded, ..failure }
        .table("changed: the new definition is in place")
        .next(format!("`replank resume {}` records the migration once the cause is gone", table.argument()))
}
