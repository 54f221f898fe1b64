//! Tries the clauses on an empty table of the same definition: what the server makes of them, and by which algorithm.
//!
//! The table lives in the bookkeeping schema. Nothing of a trial stays: a schema that had to be made for it is dropped
//! with the table. All of that happens under the schema's lock, because another run may be about to keep its books in a
//! schema that looks as if it were there to stay.

use std::sync::Arc;

use crate::error::{Failure, Result};
use crate::plan::strategy::{Algorithm, Verdicts};
use crate::plan::{Alter, ClauseKind};
use crate::runs::{lock_schema, make_schema, unlock_schema};
use crate::schema::Table;
use crate::server::{Flavor, Role, Server, ServerError, Session, errno, server_failure};
use crate::shadow::{Shadow, alter_sql, clause_failure, under_original_names};
use crate::sql::{Ident, TableName};

/// The table with the clauses applied, and what the server said to each algorithm.
pub async fn try_clauses(
    server: &Arc<Server>,
    work: &mut Session,
    bookkeeping: &Ident,
    table: &Table,
    alter: &Alter,
) -> Result<(Table, Verdicts)> {
    let mut ddl = server.session_for(Role::Ddl, "connecting").await?;
    lock_schema(&mut ddl, bookkeeping).await?;
    let made_schema = make_schema(&mut ddl, bookkeeping).await.map_err(failed)?;
    if !made_schema {
        // It stays, so nobody has to be kept away from it.
        unlock_schema(&mut ddl, bookkeeping).await.map_err(failed)?;
    }
    let trial = Trial { table: TableName { schema: bookkeeping.clone(), table: name(&ddl) }, original: table, alter };
    let tried = trial.run(&mut ddl, work).await;
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

/// No other connection has a table of this name.
fn name(ddl: &Session) -> Ident {
    Ident::new(format!("rpk_trial_{}", ddl.id()))
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
    async fn run(&self, ddl: &mut Session, work: &mut Session) -> Result<(Table, Verdicts)> {
        ddl.execute(&format!("CREATE TABLE {} LIKE {}", self.table, self.original.name)).await.map_err(failed)?;
        let verdicts = self.apply(ddl).await.map_err(|error| self.clause_failure(error))?;
        let mut target = Shadow::adopt(work, &self.table).await?.table;
        if work.server().facts.flavor == Flavor::MySql {
            target.create_sql = under_original_names(self.original, &target);
        }
        Ok((target, verdicts))
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
