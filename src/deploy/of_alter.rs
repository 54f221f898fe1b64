//! Which unfinished rows of Prisma's ledger belong to changes of `replank alter`: those are ended by their runs, and
//! never resolved by hand.

use std::sync::Arc;

use crate::error::{Failure, Result, Stop};
use crate::prisma::LedgerRow;
use crate::runs::{RunRow, Runs};
use crate::server::Server;
use crate::sql::Ident;

/// A migration whose change has not ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unfinished {
    /// The migration's name.
    pub migration: String,
    /// `schema.table` of the change, as it is given on a command line.
    pub table: String,
}

impl Unfinished {
    /// What to do about it.
    pub fn advice(&self) -> String {
        let Unfinished { migration, table } = self;
        format!("`{migration}` is the change of {table} by `replank alter`: wait for it, or `replank resume {table}`")
    }

    /// Why nobody but the run may say how it ended.
    pub fn refusal(&self) -> Failure {
        let Unfinished { migration, table } = self;
        Failure::new(
            Stop::Refused,
            format!("the migration `{migration}` is the change of {table} by `replank alter`, which has not ended"),
        )
        .table("as that change left it; `_prisma_migrations` is untouched")
        .next(format!("wait for it, or `replank resume {table}`, which records the migration"))
        .next(format!("before the swap, `replank abort {table}` takes the change back, and its row with it"))
    }
}

/// Looks them up in the books of one schema; there are none where there are no books.
pub async fn unfinished(server: &Arc<Server>, bookkeeping: &Ident, rows: &[LedgerRow]) -> Result<Vec<Unfinished>> {
    if !rows.iter().any(LedgerRow::is_unfinished) {
        return Ok(Vec::new());
    }
    let Some(runs) = Runs::find(server, bookkeeping).await? else { return Ok(Vec::new()) };
    let waits = |id: &str| rows.iter().any(|row| row.is_unfinished() && row.id == id);
    let of_rows = |run: &RunRow| run.state == "running" && run.ledger_id.as_deref().is_some_and(waits);
    let found = runs.all().await?.into_iter().map(|(run, _)| run).filter(of_rows);
    Ok(found.map(|run| Unfinished { table: run.table.argument(), migration: run.migration }).collect())
}

/// Adds what to do about them to a failure.
pub async fn told_with(failure: Failure, server: &Arc<Server>, bookkeeping: &Ident, rows: &[LedgerRow]) -> Failure {
    let found = unfinished(server, bookkeeping, rows).await.unwrap_or_default();
    found.iter().fold(failure, |failure, unfinished| failure.next(unfinished.advice()))
}
