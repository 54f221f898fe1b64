//! DROP FOREIGN KEY where nothing is copied: metadata only, in a lock window.

use super::window::{Statements, in_window};
use super::{ForeignKey, constrain, hold};
use crate::error::Result;
use crate::lock_window::Purpose;
use crate::run::Run;
use crate::sql::TableName;

/// The statement.
pub fn sql(table: &TableName, keys: &[ForeignKey]) -> String {
    let drops: Vec<String> = keys.iter().map(|key| format!("DROP FOREIGN KEY {}", key.name)).collect();
    format!("ALTER TABLE {table} {}, ALGORITHM=INPLACE, LOCK=NONE", drops.join(", "))
}

/// Drops those of the keys that are there.
pub async fn drop(run: &Run, keys: &[ForeignKey]) -> Result<()> {
    let table = &run.change.original;
    let left = constrain::split(run, keys).await?.0;
    if left.is_empty() {
        return Ok(());
    }
    let statement = format!("{} {}", sql(table, &left), run.change.marker);
    let tables = constrain::locked(run, &left);
    let children = hold::of_run(run);
    let dropped =
        in_window(run, Purpose::ForeignKeys, table, tables, Statements::Plain(vec![statement]), &children).await;
    match dropped {
        Err(failure) if !constrain::split(run, keys).await?.0.is_empty() => Err(failure),
        _ => Ok(()),
    }
}
