//! Rows as the copy converts them, for columns whose type changes.
//!
//! A SELECT has no expression for what every INSERT does to a value (YEAR to TIME, text to JSON, an ENUM in other
//! letters). So rows that differ by their digests are inserted into a temporary table of the shadow's columns, and those
//! are compared with the shadow byte by byte.
//!
//! The INSERT takes no row lock, so it reads rows a moment before the comparison. A row that is written in between is
//! found again only as long as that goes on; what differs in every one of some tries differs.

use std::collections::HashSet;

use super::{Difference, Range, Verification, compare};
use crate::change::Change;
use crate::error::Result;
use crate::plan::{ColumnPair, KeyValue};
use crate::server::{ServerError, Session};
use crate::sql::{Ident, TableName};

/// How often rows are converted and compared before a difference is believed.
const TRIES: u32 = 3;
/// The temporary table's name: only its session sees it.
const TABLE: &str = "rpk_converted";
/// Its unique key, the walked one.
const KEY: &str = "rpk_key";

/// Converts the rows of a range once more, in one session.
#[derive(Debug)]
pub(super) struct Conversion {
    table: TableName,
    /// Whether some column's values are converted at all, and the account may have a temporary table.
    possible: bool,
    /// The connection that has the table.
    made_by: Option<u32>,
}

impl Conversion {
    pub(super) fn of(change: &Change) -> Conversion {
        let table = TableName { schema: change.log.table.schema.clone(), table: Ident::new(TABLE) };
        let converts = |pair: &ColumnPair| {
            pair.source.column_type != pair.target.column_type || pair.source.charset != pair.target.charset
        };
        Conversion { table, possible: change.mapping.pairs.iter().any(converts), made_by: None }
    }

    /// Of rows that differ by their digests, those that differ as the server converts them.
    pub(super) async fn confirm(
        &mut self,
        verification: &Verification,
        session: &mut Session,
        range: &Range,
        differing: Vec<Difference>,
    ) -> Result<Vec<Difference>> {
        let mut confirmed: Option<Vec<Difference>> = None;
        let digest = verification.digest.of_converted(&self.table, &Ident::new(KEY));
        for _ in 0..TRIES {
            if !self.possible || self.convert(&verification.change, session, range).await.is_err() {
                // Without the privilege, or with a row that does not fit: the digests are what there is.
                self.possible = false;
                return Ok(differing);
            }
            let (_, found) = compare(verification, session, &digest, range).await?;
            let still = match confirmed {
                None => found,
                Some(before) => {
                    let before: HashSet<KeyValue> = before.into_iter().map(|row| row.key).collect();
                    found.into_iter().filter(|row| before.contains(&row.key)).collect()
                }
            };
            if still.is_empty() {
                return Ok(still);
            }
            confirmed = Some(still);
        }
        Ok(confirmed.unwrap_or(differing))
    }

    async fn convert(&mut self, change: &Change, session: &mut Session, range: &Range) -> Result<(), ServerError> {
        if self.made_by != Some(session.id()) {
            session.execute(&create_sql(change, &self.table)).await?;
            self.made_by = Some(session.id());
        }
        session.execute(&format!("DELETE FROM {}", self.table)).await?;
        // For the next transaction only; in the session's own REPEATABLE READ it would lock the original's rows.
        session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        session.execute(&fill_sql(change, &self.table, range)).await?;
        Ok(())
    }
}

fn create_sql(change: &Change, table: &TableName) -> String {
    let key: Vec<String> = change.shadow_key().iter().map(Ident::to_string).collect();
    format!(
        "CREATE TEMPORARY TABLE {table} (UNIQUE KEY {} ({})) ENGINE=InnoDB AS SELECT {} FROM {} WHERE FALSE",
        Ident::new(KEY),
        key.join(", "),
        change.target_columns(),
        change.shadow,
    )
}

fn fill_sql(change: &Change, table: &TableName, range: &Range) -> String {
    let key = &change.key;
    let columns = change.original_key_sql();
    let within = match (range.after.as_ref(), range.up_to.as_ref()) {
        (after, Some(up_to)) => key.within(&columns, after, up_to),
        (Some(after), None) => key.after(&columns, after),
        (None, None) => "TRUE".to_owned(),
    };
    format!(
        "INSERT {} INTO {table} ({}) SELECT {} FROM {} FORCE INDEX ({}) WHERE {within}",
        change.marker,
        change.target_columns(),
        change.source_columns(),
        change.original,
        key.index,
    )
}
