//! `_prisma_migrations`, Prisma's record of what was applied.
//!
//! A row is written before the change and finished after it, by the same statements in the same order as Prisma's own:
//! it is that unfinished row, not the advisory lock, that holds back every `prisma migrate deploy` in between.
//! Every verb can be repeated after a lost connection without changing the outcome.

mod sql;

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::error::Failure;
use crate::server::{ServerError, Session};
use crate::sql::{Ident, TableName};

/// The name of Prisma's table.
pub const LEDGER_TABLE: &str = "_prisma_migrations";

/// Most bytes a TEXT column takes; strict mode refuses longer ones.
const MAX_LOG_BYTES: usize = 65_535;

/// The ledger of one schema.
#[derive(Debug, Clone)]
pub struct Ledger {
    table: TableName,
}

/// A row that is neither finished nor rolled back: failed, crashed, or still running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedRow {
    /// The row's id.
    pub id: String,
    /// The full name of the migration.
    pub migration_name: String,
    /// When it started, in UTC, as the server writes a DATETIME(3).
    pub started_at: String,
}

/// A row of the ledger; times are in UTC, as the server writes a DATETIME(3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// The row's id, a UUID.
    pub id: String,
    /// Checksum of migration.sql.
    pub checksum: String,
    /// When the change was done.
    pub finished_at: Option<String>,
    /// The full name of the migration.
    pub migration_name: String,
    /// Why it failed.
    pub logs: Option<String>,
    /// When someone declared it rolled back.
    pub rolled_back_at: Option<String>,
    /// When it began.
    pub started_at: String,
    /// 1 after Prisma applied it, 0 before and when it was only declared as applied.
    pub applied_steps_count: u32,
}

type Columns = (String, String, Option<String>, String, Option<String>, Option<String>, String, u32);

impl From<Columns> for LedgerRow {
    fn from(columns: Columns) -> LedgerRow {
        let (id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, steps) = columns;
        LedgerRow {
            id,
            checksum,
            finished_at,
            migration_name,
            logs,
            rolled_back_at,
            started_at,
            applied_steps_count: steps,
        }
    }
}

impl LedgerRow {
    /// Neither finished nor rolled back: failed, crashed, or still running.
    pub fn is_unfinished(&self) -> bool {
        self.finished_at.is_none() && self.rolled_back_at.is_none()
    }
}

/// What became of a row that was to be finished: people can run `prisma migrate resolve` at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "someone may have resolved or deleted the row in the meantime"]
pub enum Recorded {
    /// Prisma takes the migration as applied.
    Applied,
    /// The row was marked as rolled back, so Prisma would apply the migration again.
    RolledBack,
    /// There is no such row.
    Missing,
}

impl Ledger {
    /// The ledger of a schema; whether it is there is asked with [`Ledger::exists`].
    pub fn of(schema: Ident) -> Ledger {
        Ledger { table: TableName { schema, table: Ident::new(LEDGER_TABLE) } }
    }

    /// An id for a new row, made before the row so that a resumed run knows which one is its own.
    pub fn new_id() -> String {
        Uuid::new_v4().to_string()
    }

    /// Whether the schema has the table.
    pub async fn exists(&self, session: &mut Session) -> Result<bool, ServerError> {
        let found: Vec<u32> = session.rows(&sql::find_table(&self.table)).await?;
        Ok(!found.is_empty())
    }

    /// Makes the table as Prisma would, for a schema that has no table at all.
    pub async fn create(&self, session: &mut Session) -> Result<(), ServerError> {
        session.execute(&sql::create_table(&self.table)).await?;
        Ok(())
    }

    /// Rows for which Prisma would stop with P3009, oldest first.
    pub async fn unfinished_rows(&self, session: &mut Session) -> Result<Vec<UnfinishedRow>, ServerError> {
        let rows: Vec<(String, String, String)> = session.rows(&sql::select_unfinished(&self.table)).await?;
        Ok(rows
            .into_iter()
            .map(|(id, migration_name, started_at)| UnfinishedRow { id, migration_name, started_at })
            .collect())
    }

    /// The row of that id.
    pub async fn row(&self, session: &mut Session, id: &str) -> Result<Option<LedgerRow>, ServerError> {
        let rows: Vec<Columns> = session.rows(&sql::select_row(&self.table, id)).await?;
        Ok(rows.into_iter().next().map(LedgerRow::from))
    }

    /// All rows, oldest first.
    pub async fn rows(&self, session: &mut Session) -> Result<Vec<LedgerRow>, ServerError> {
        let rows: Vec<Columns> = session.rows(&sql::select_rows(&self.table)).await?;
        Ok(rows.into_iter().map(LedgerRow::from).collect())
    }

    /// Whether the schema holds base tables, Prisma's own among them or not.
    pub async fn schema_has_tables(&self, session: &mut Session) -> Result<bool, ServerError> {
        let found: Vec<u32> = session.rows(&sql::find_any_table(&self.table.schema)).await?;
        Ok(!found.is_empty())
    }

    /// Writes the row of a change that is about to start.
    ///
    /// A row with that id fails as a duplicate key (1062), which a resumed run takes as "it is there".
    pub async fn record_started(
        &self,
        session: &mut Session,
        id: &str,
        migration_name: &str,
        checksum: &str,
        now: Timestamp,
    ) -> Result<(), ServerError> {
        session.execute(&sql::insert_started(&self.table, id, migration_name, checksum, now)).await?;
        Ok(())
    }

    /// Marks the row of a change as done.
    pub async fn record_finished(
        &self,
        session: &mut Session,
        id: &str,
        now: Timestamp,
    ) -> Result<Recorded, ServerError> {
        session.execute(&sql::count_step(&self.table, id)).await?;
        session.execute(&sql::set_finished(&self.table, id, now)).await?;
        Ok(match self.row(session, id).await? {
            None => Recorded::Missing,
            Some(row) if row.rolled_back_at.is_some() => Recorded::RolledBack,
            Some(_) => Recorded::Applied,
        })
    }

    /// What is written before and after a change, for a plan: the id is made when the change begins.
    pub fn planned(&self, migration_name: &str, checksum: &str, now: Timestamp) -> (String, [String; 2]) {
        const ID: &str = "a new UUID";
        let started = sql::insert_started(&self.table, ID, migration_name, checksum, now);
        (started, [sql::count_step(&self.table, ID), sql::set_finished(&self.table, ID, now)])
    }

    /// Keeps the reason of a failure in the row, which stays unfinished until someone resolves it.
    pub async fn record_failed(&self, session: &mut Session, id: &str, logs: &str) -> Result<(), ServerError> {
        session.execute(&sql::set_logs(&self.table, id, cut(logs, MAX_LOG_BYTES))).await?;
        Ok(())
    }

    /// Takes the reason of a stop back: the change goes on.
    pub async fn record_continued(&self, session: &mut Session, id: &str) -> Result<(), ServerError> {
        session.execute(&sql::clear_logs(&self.table, id)).await?;
        Ok(())
    }

    /// Marks a row as rolled back.
    pub async fn record_rolled_back(&self, session: &mut Session, id: &str, now: Timestamp) -> Result<(), ServerError> {
        session.execute(&sql::set_rolled_back(&self.table, id, now)).await?;
        Ok(())
    }

    /// Writes the row of a migration that is only declared as applied.
    pub async fn record_declared(
        &self,
        session: &mut Session,
        migration_name: &str,
        checksum: &str,
        now: Timestamp,
    ) -> Result<(), ServerError> {
        session.execute(&sql::insert_declared(&self.table, &Ledger::new_id(), migration_name, checksum, now)).await?;
        Ok(())
    }

    /// Removes the row of an aborted run, as if it had never started; false when there was none left to remove.
    ///
    /// A row that is finished or that someone marked as rolled back stays.
    pub async fn remove(&self, session: &mut Session, id: &str) -> Result<bool, ServerError> {
        Ok(session.execute(&sql::delete_unfinished(&self.table, id)).await? > 0)
    }

    /// The refusal for a schema without the table.
    ///
    /// replank does not make it here: with tables but no history, Prisma itself stops with P3005 until the migrations
    /// that are in the database already were declared.
    pub fn missing_failure(&self) -> Failure {
        Failure::refused(format!(
            "the schema {} has no `{LEDGER_TABLE}` table, so its migration history cannot be kept",
            self.table.schema
        ))
        .table("untouched")
        .next(
            "baseline first: `prisma migrate resolve --applied NAME` for every migration the database has already \
             (https://pris.ly/d/migrate-baseline)",
        )
        .next("or pass `--no-record` to change the table without recording a migration")
    }
}

/// The refusal for unfinished rows, in Prisma's words; `rows` is not empty.
pub fn unfinished_failure(rows: &[UnfinishedRow]) -> Failure {
    let lines: Vec<String> = rows
        .iter()
        .map(|row| format!("The `{}` migration started at {} failed", row.migration_name, as_prisma(&row.started_at)))
        .collect();
    let failure = Failure::refused(
        "P3009: migrate found failed migrations in the target database, new migrations will not be applied. Read more \
         about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve",
    )
    .table("untouched")
    .next("make sure that no other deploy is still running: a migration that runs has the same row")
    .cause(lines.join("\n"));

    // One migration can have several rows, and resolving it resolves them all.
    let names: BTreeSet<&str> = rows.iter().map(|row| row.migration_name.as_str()).collect();
    names.into_iter().fold(failure, |failure, name| {
        failure.next(format!(
            "`prisma migrate resolve --rolled-back {name}` when its changes are not in the database, \
             `prisma migrate resolve --applied {name}` when they all are"
        ))
    })
}

/// A time as Prisma prints it: no fraction when it is zero.
pub fn as_prisma(datetime: &str) -> String {
    format!("{} UTC", datetime.strip_suffix(".000").unwrap_or(datetime))
}

/// As much of `text` as fits, cut between characters.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfinished(name: &str, started_at: &str) -> UnfinishedRow {
        UnfinishedRow { id: Ledger::new_id(), migration_name: name.to_owned(), started_at: started_at.to_owned() }
    }

    #[test]
    fn ids_are_lower_case_uuids() {
        let id = Ledger::new_id();
        assert_eq!(id.len(), 36);
        assert_eq!(id, id.to_lowercase());
        assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 4);
    }

    #[test]
    fn unfinished_rows_are_refused_in_prismas_words() {
        let failure = unfinished_failure(&[
            unfinished("20261123104806_a", "2026-11-23 10:48:06.931"),
            unfinished("20261123104807_b", "2026-11-23 10:48:07.000"),
            unfinished("20261123104806_a", "2026-11-23 10:49:00.120"),
        ]);
        let text = [vec![failure.what], failure.next, vec![failure.cause.unwrap()]].concat().join("\n");
        insta::assert_snapshot!(text, @"
        P3009: migrate found failed migrations in the target database, new migrations will not be applied. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve
        make sure that no other deploy is still running: a migration that runs has the same row
        `prisma migrate resolve --rolled-back 20261123104806_a` when its changes are not in the database, `prisma migrate resolve --applied 20261123104806_a` when they all are
        `prisma migrate resolve --rolled-back 20261123104807_b` when its changes are not in the database, `prisma migrate resolve --applied 20261123104807_b` when they all are
        The `20261123104806_a` migration started at 2026-11-23 10:48:06.931 UTC failed
        The `20261123104807_b` migration started at 2026-11-23 10:48:07 UTC failed
        The `20261123104806_a` migration started at 2026-11-23 10:49:00.120 UTC failed
        ");
    }

    #[test]
    fn a_schema_without_history_is_refused_with_both_ways_on() {
        let failure = Ledger::of(Ident::new("shop")).missing_failure();
        assert_eq!(
            failure.what,
            "the schema `shop` has no `_prisma_migrations` table, so its migration history cannot be kept"
        );
        assert!(failure.next[0].contains("`prisma migrate resolve --applied NAME`"));
        assert!(failure.next[1].contains("`--no-record`"));
    }

    #[test]
    fn logs_are_cut_between_characters() {
        assert_eq!(cut("aä", 3), "aä");
        assert_eq!(cut("aä", 2), "a");
        assert_eq!(cut("", 2), "");
    }
}
