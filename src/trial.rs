//! Tries the clauses on an empty table of the same definition: what the server makes of them, and by which algorithm.
//!
//! The table lives in the bookkeeping schema. Nothing of a trial stays: a schema that had to be made for it is dropped
//! with the table. The schema is made and dropped under its lock, because another run may be about to keep its books in
//! it, and its lock is kept until the table is in it, because a schema without a table may be dropped.
//!
//! A process that is killed leaves its table. Each trial holds a named lock of its table, so a table whose lock is free
//! is one that nobody will remove, and [`sweep`] does.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Failure, Result};
use crate::plan::strategy::{Algorithm, Verdicts};
use crate::plan::{Alter, ClauseKind};
use crate::runs::{lock_schema, make_schema, unlock_schema};
use crate::schema::{self, Table};
use crate::server::{Flavor, Role, Server, ServerError, Session, errno, named_lock, server_failure};
use crate::shadow::{Shadow, alter_sql, clause_failure, under_original_names};
use crate::sql::{Ident, TableName, string_literal};

/// What the names of trial tables begin with, before the number of their connection.
const PREFIX: &str = "rpk_trial_";
/// What they end with where the schema was made for them, so that somebody else can drop it with them.
const ALONE: &str = "_alone";
/// How long another process may be at removing a table of this trial's name, which is left from before a restart of the
/// server.
const NAME_PATIENCE: Duration = Duration::from_secs(10);

/// The table with the clauses applied, and what the server said to each algorithm.
pub async fn try_clauses(
    server: &Arc<Server>,
    work: &mut Session,
    bookkeeping: &Ident,
    table: &Table,
    alter: &Alter,
) -> Result<(Table, Verdicts)> {
    if let Err(failure) = sweep(server, bookkeeping).await {
        tracing::warn!("{failure}: {}", failure.cause.as_deref().unwrap_or_default());
    }
    let mut ddl = server.session_for(Role::Ddl, "connecting").await?;
    lock_schema(&mut ddl, bookkeeping).await?;
    let made_schema = make_schema(&mut ddl, bookkeeping).await.map_err(failed)?;
    let name = format!("{PREFIX}{}{}", ddl.id(), if made_schema { ALONE } else { "" });
    let trial =
        Trial { table: TableName { schema: bookkeeping.clone(), table: Ident::new(name) }, original: table, alter };
    let tried = trial.run(&mut ddl, work, made_schema).await;
    let removed = async {
        ddl.execute(&format!("DROP TABLE IF EXISTS {}", trial.table)).await?;
        if made_schema {
            ddl.execute(&format!("DROP DATABASE IF EXISTS {bookkeeping}")).await?;
            unlock_schema(&mut ddl, bookkeeping).await?;
        }
        Ok(())
    };
    let removed = removed.await;
    ddl.close().await;
    // Why the clauses do not do says more than why something could not be removed.
    let tried = tried?;
    removed.map_err(failed)?;
    Ok(tried)
}

/// Removes the trial tables of processes that are gone, and a schema that was made for one.
pub async fn sweep(server: &Arc<Server>, bookkeeping: &Ident) -> Result<()> {
    let failed = |error| server_failure("removing what a killed plan left", &error);
    let mut session = server.session_for(Role::Watch, "connecting").await?;
    for table in tables(&mut session, bookkeeping).await.map_err(failed)? {
        let lock = lock_of(&table);
        if !named_lock::take(&mut session, &lock, Duration::ZERO).await.map_err(failed)? {
            continue;
        }
        session.execute(&format!("DROP TABLE IF EXISTS {table}")).await.map_err(failed)?;
        if table.table.as_str().ends_with(ALONE) {
            lock_schema(&mut session, bookkeeping).await?;
            if schema::is_empty(&mut session, bookkeeping).await.map_err(failed)? {
                session.execute(&format!("DROP DATABASE IF EXISTS {bookkeeping}")).await.map_err(failed)?;
            }
            unlock_schema(&mut session, bookkeeping).await.map_err(failed)?;
        }
        named_lock::give_back(&mut session, &lock).await.map_err(failed)?;
    }
    session.close().await;
    Ok(())
}

/// The trial tables whose processes are gone.
pub async fn left_behind(session: &mut Session, bookkeeping: &Ident) -> Result<Vec<TableName>, ServerError> {
    let mut left = Vec::new();
    for table in tables(session, bookkeeping).await? {
        let sql = format!("SELECT IS_USED_LOCK({})", string_literal(&lock_of(&table)));
        let holder: Option<Option<u64>> = session.first_row(&sql).await?;
        if holder.flatten().is_none() {
            left.push(table);
        }
    }
    Ok(left)
}

async fn tables(session: &mut Session, bookkeeping: &Ident) -> Result<Vec<TableName>, ServerError> {
    let names: Vec<String> = session.rows(&schema::tables_sql(bookkeeping)).await?;
    let trials = names.into_iter().filter(|name| is_trial(name));
    Ok(trials.map(|name| TableName { schema: bookkeeping.clone(), table: Ident::new(name) }).collect())
}

/// Whether a table is one of these; the application's own schema may be the one with the books.
pub fn is_trial(name: &str) -> bool {
    let Some(number) = name.strip_prefix(PREFIX) else { return false };
    let number = number.strip_suffix(ALONE).unwrap_or(number);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn lock_of(table: &TableName) -> String {
    named_lock::name_for(&table.plain())
}

fn failed(error: ServerError) -> Failure {
    server_failure("trying the clauses on an empty table", &error).table("untouched")
}

struct Trial<'a> {
    table: TableName,
    original: &'a Table,
    alter: &'a Alter,
}

impl Trial<'_> {
    async fn run(&self, ddl: &mut Session, work: &mut Session, made_schema: bool) -> Result<(Table, Verdicts)> {
        self.create(ddl).await.map_err(failed)?;
        if !made_schema {
            // With a table in it, it stays, so nobody has to be kept away from it any longer.
            unlock_schema(ddl, &self.table.schema).await.map_err(failed)?;
        }
        let verdicts = self.apply(ddl).await.map_err(|error| self.clause_failure(error))?;
        let mut target = Shadow::adopt(work, &self.table).await?.table;
        if work.server().facts.flavor == Flavor::MySql {
            target.create_sql = under_original_names(self.original, &target);
        }
        Ok((target, verdicts))
    }

    async fn create(&self, ddl: &mut Session) -> Result<(), ServerError> {
        if !named_lock::take(ddl, &lock_of(&self.table), NAME_PATIENCE).await? {
            return Err(ServerError::Driver(format!("the lock of {} is held", self.table)));
        }
        // One of this name is left from a connection of this number, before a restart of the server.
        ddl.execute(&format!("DROP TABLE IF EXISTS {}", self.table)).await?;
        ddl.execute(&format!("CREATE TABLE {} LIKE {}", self.table, self.original.name)).await.map(drop)
    }

    /// Applies the clauses, with each algorithm asserted as long as the server does not take it.
    async fn apply(&self, ddl: &mut Session) -> Result<Verdicts, ServerError> {
        // Both servers take an algorithm and partitioning only in orders that differ; partitioning copies anyway.
        let partitioning = |kind: &ClauseKind| matches!(kind, ClauseKind::PartitionBy | ClauseKind::RemovePartitioning);
        let algorithms: &[Algorithm] = match self.alter.clauses.iter().any(|clause| partitioning(&clause.kind)) {
            true => &[],
            false => &[Algorithm::Instant, Algorithm::InPlace],
        };
        let clauses = self.alter.without_algorithm_and_lock();
        for &algorithm in algorithms {
            let sql = format!("ALTER TABLE {} {}{clauses}", self.table, algorithm.assertion());
            match ddl.execute(&sql).await {
                Ok(_) => {
                    let (instant, in_place) = (algorithm == Algorithm::Instant, algorithm == Algorithm::InPlace);
                    return Ok(Verdicts { instant, in_place });
                }
                Err(error)
                    if error.is_any(&errno::ALGORITHM_NOT_SUPPORTED) || error.is_any(&errno::UNKNOWN_ALGORITHM) => {}
                Err(error) => return Err(error),
            }
        }
        ddl.execute(&alter_sql(&self.table, self.alter)).await?;
        Ok(Verdicts { instant: false, in_place: false })
    }

    /// In the words of the server, with the table's own name: nobody knows the trial's.
    fn clause_failure(&self, error: ServerError) -> Failure {
        let error = match error {
            ServerError::Server { code, state, message } => {
                let message = message.replace(self.table.table.as_str(), self.original.name.table.as_str());
                ServerError::Server { code, state, message }
            }
            error => error,
        };
        clause_failure(&self.original.name, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::is_trial;

    #[test]
    fn tables_of_the_application_are_none_of_a_trial() {
        assert!(is_trial("rpk_trial_12") && is_trial("rpk_trial_12_alone"));
        for name in ["rpk_trial_", "rpk_trial__alone", "rpk_trial_run", "rpk_trial_1x", "my_rpk_trial_1"] {
            assert!(!is_trial(name), "{name}");
        }
    }
}
