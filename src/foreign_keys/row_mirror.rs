//! The triggers that keep the old table current for the moments after the swap.
//!
//! Children follow the RENAME to the old table and check their rows against it until they are re-pointed; the old
//! table's own foreign keys refuse the deletion of parents that only it still references. So from the swap until both
//! is over, every write to the new table reaches the old one in the same transaction: rows come and go, and columns
//! under foreign keys change. Other columns do not matter to anybody; the reverse log knows which rows to make equal.

use crate::change::Change;
use crate::foreign_keys::ForeignKeys;
use crate::sql::Ident;
use crate::user_triggers::Relocation;

/// CREATE TRIGGER for each. They are made on the shadow, in the window of the swap, and write the old table. The
/// application's triggers there are muted, and those on the shadow come behind: they may write children.
pub fn create_sql(change: &Change, keys: &ForeignKeys, application: &Relocation<'_>) -> Vec<String> {
    let names = &change.row_triggers;
    let (table, old, schema) = (&change.shadow, &change.old, &change.shadow.schema);
    let pairs: Vec<_> = change.mapping.pairs.iter().filter(|pair| !pair.source.generated).collect();
    let sources: Vec<String> = pairs.iter().map(|pair| pair.source.name.to_string()).collect();
    let values: Vec<String> = pairs.iter().map(|pair| format!("NEW.{}", pair.target.name)).collect();
    let by_key: Vec<String> =
        change.key.columns.iter().map(|column| format!("{old}.{} = OLD.{}", column.source, column.target)).collect();
    let by_key = by_key.join(" AND ");
    // IGNORE is for what the new definition takes and the old one does not.
    let insert = format!("INSERT IGNORE INTO {old} ({}) VALUES ({})", sources.join(", "), values.join(", "));
    let watched: Vec<(Ident, Ident)> = pairs
        .iter()
        .filter(|pair| {
            let in_key = change.key.columns.iter().any(|column| column.source.same_name(&pair.source.name));
            in_key || keys.constrains(&pair.source.name)
        })
        .map(|pair| (pair.source.name.clone(), pair.target.name.clone()))
        .collect();
    let same: Vec<String> = watched
        .iter()
        .map(|(_, target)| format!("CAST(OLD.{target} AS BINARY) <=> CAST(NEW.{target} AS BINARY)"))
        .collect();
    let set: Vec<String> = watched.iter().map(|(source, target)| format!("{old}.{source} = NEW.{target}")).collect();
    let delete = format!("DELETE FROM {old} WHERE {by_key}");
    let update =
        format!("IF NOT ({}) THEN UPDATE {old} SET {} WHERE {by_key}; END IF", same.join(" AND "), set.join(", "));
    let mute = application.muted_by.map(|variable| format!("SET {variable} = 1; ")).unwrap_or_default();
    [("INSERT", &names.insert, insert), ("UPDATE", &names.update, update), ("DELETE", &names.delete, delete)]
        .into_iter()
        .map(|(event, name, write)| {
            let next = application.first_after(event);
            let place = next.map(|next| format!(" PRECEDES {next}")).unwrap_or_default();
            format!(
                "CREATE TRIGGER {schema}.{name} AFTER {event} ON {table} FOR EACH ROW{place} BEGIN {mute}{write}; END"
            )
        })
        .collect()
}

/// DROP TRIGGER for each; no error when they are gone.
pub fn drop_sql(change: &Change) -> Vec<String> {
    let names = &change.row_triggers;
    let schema = &change.shadow.schema;
    [&names.insert, &names.update, &names.delete]
        .iter()
        .map(|name| format!("DROP TRIGGER IF EXISTS {schema}.{name}"))
        .collect()
}
