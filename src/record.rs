//! Writes the change down where Prisma looks: `migration.sql` in the migrations directory, a row in its ledger.
//!
//! The row is inserted before the work starts, so that Prisma sees a running or crashed change as unfinished and stays
//! away; the file is written after the swap, because a file without its change would be applied by `migrate deploy`.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::error::{Failure, Result, Stop};
use crate::plan::Alter;
use crate::prisma::{Ledger, MigrationName, MigrationsDirectory, Recorded, alter_script, checksum, unfinished_failure};
use crate::server::{Session, server_failure};
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
        let directory = MigrationsDirectory::open(&options.migrations)?;
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
        let file = self.directory.write(&self.name, &self.script).map_err(|error| self.not_recorded(error))?;
        let recorded = self.ledger.record_finished(session, id, Timestamp::now()).await;
        match recorded.map_err(|error| self.not_recorded(error))? {
            Recorded::Applied => Ok((file, checksum(&self.script))),
            Recorded::RolledBack => Err(self.not_recorded("somebody marked its row as rolled back meanwhile")),
            Recorded::Missing => Err(self.not_recorded("somebody deleted its row meanwhile")),
        }
    }

    /// Removes the unfinished row of a run that is taken back.
    pub async fn withdraw(schema: &TableName, session: &mut Session, id: &str) -> Result<()> {
        let ledger = Ledger::of(schema.schema.clone());
        let removed = ledger.remove(session, id).await;
        removed.map(drop).map_err(|error| server_failure("removing the row from `_prisma_migrations`", &error))
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
