//! Which unfinished rows of Prisma's ledger belong to changes of `replank alter`: those are ended by their runs, and
//! never resolved by hand.

use std::sync::Arc;

use crate::error::{Failure, Result, Stop};
use crate::prisma::LedgerRow;
use crate::runs::{Recorded, Runs};
use crate::server::Server;
use crate::sql::Ident;

/// A migration whose change has not ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UnfinishedAlter {
    /// The migration's name.
    pub migration: String,
    /// `schema.table` of the change, as it is given on a command line.
    pub table: String,
    /// Whether the new definition is known to be in place.
    pub has_swapped: bool,
}

impl UnfinishedAlter {
    /// What to do about it.
    pub fn advice(&self) -> String {
        let UnfinishedAlter { migration, table, .. } = self;
        format!("`{migration}` is the change of {table} by `replank alter`: wait for it, or `replank resume {table}`")
    }

    /// Why nobody but the run may say how it ended.
    pub fn refusal(&self) -> Failure {
        let UnfinishedAlter { migration, table, has_swapped } = self;
        let failure = Failure::new(
            Stop::Refused,
            format!("the migration `{migration}` is the change of {table} by `replank alter`, which has not ended"),
        )
        .table("as that change left it; `_prisma_migrations` is untouched")
        .next(format!("wait for it, or `replank resume {table}`, which records the migration"));
        match has_swapped {
            true => failure.next(format!(
                "where it cannot be recorded, `replank resume {table} --no-record` ends the change, and `replank resolve \
                 --applied {migration}` is in order then"
            )),
            false => failure.next(format!("or `replank abort {table}`, which takes the change back, and its row with it")),
        }
    }
}

/// Looks them up in the books of one schema; there are none where there are no books.
pub async fn unfinished(server: &Arc<Server>, bookkeeping: &Ident, rows: &[LedgerRow]) -> Result<Vec<UnfinishedAlter>> {
    if !rows.iter().any(LedgerRow::is_unfinished) {
        return Ok(Vec::new());
    }
    let Some(runs) = Runs::find(server, bookkeeping).await? else { return Ok(Vec::new()) };
    let waits = |run: &Recorded| rows.iter().any(|row| row.is_unfinished() && row.id == run.ledger_id);
    let found = runs.recorded().await?.into_iter().filter(waits);
    Ok(found
        .map(|Recorded { migration, table, has_swapped, .. }| UnfinishedAlter {
            migration,
            table: table.argument(),
            has_swapped,
        })
        .collect())
}

/// Adds what to do about them to a failure.
pub async fn told_with(failure: Failure, server: &Arc<Server>, bookkeeping: &Ident, rows: &[LedgerRow]) -> Failure {
    let found = unfinished(server, bookkeeping, rows).await.unwrap_or_default();
    found.iter().fold(failure, |failure, unfinished| failure.next(unfinished.advice()))
}
