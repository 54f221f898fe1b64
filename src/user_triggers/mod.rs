//! The application's own triggers on a table that is copied: they are on the new table when it takes the name.
//!
//! A trigger's name is unique in its schema, and a trigger cannot be renamed, so while both tables are there the new
//! one cannot have triggers of those names. They move in these steps:
//!
//! 1. **Proved** before the copy: the server makes each of them on the shadow and drops it again (`prove`).
//! 2. **Staged** before the swap: made on the shadow under names of ours, with a guard that keeps them still in sessions
//!    of replank's own, so the applier does not fire them and the lock window of the swap has nothing to do for them
//!    (`stage`). With the swap they are the application's: there is no moment without them.
//! 3. **Muted** right before it, where the table has foreign keys: each trigger of the table that is about to become the
//!    old one changes places with a double that is still once the row mirror has written (`mute`).
//! 4. **Settled** after it: dropped from the old table, so that their names are free; then, with the new table locked,
//!    each is made again in its own words and the staged one is dropped (`settle`).
//!
//! Invariant: whoever writes the table under its own name, at any time, fires each trigger exactly once. A trigger and
//! its double change places by one packet of two statements, which the server goes on with when replank dies
//! (`exchange.rs`).

mod definition;
mod exchange;
mod relocation;

pub use definition::{Facts, UserTrigger, difference};
pub use relocation::Relocation;

use crate::server::{ServerError, Session};
use crate::sql::{Ident, TableName, string_literal};

/// What information_schema says of the triggers of a table, in the order in which they fire.
pub async fn facts(session: &mut Session, table: &TableName) -> Result<Vec<Facts>, ServerError> {
    type Row = (String, String, String, String, String, String, String, String, String, String);
    let (schema, name) = (string_literal(table.schema.as_str()), string_literal(table.table.as_str()));
    let sql = format!(
        "SELECT trigger_name, action_timing, event_manipulation, definer, action_statement, sql_mode, \
         character_set_client, collation_connection, database_collation, \
         (SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = {schema}) \
         FROM information_schema.triggers WHERE event_object_schema = {schema} AND event_object_table = {name} \
         ORDER BY event_manipulation, action_timing, action_order"
    );
    let rows: Vec<Row> = session.rows(&sql).await?;
    let facts = |row: Row| {
        let (name, timing, event, definer, statement, sql_mode, client, connection, then, now) = row;
        Facts {
            name,
            timing,
            event,
            definer,
            statement,
            sql_mode,
            character_set_client: client,
            collation_connection: connection,
            database_collation: then,
            schema_collation: now,
        }
    };
    Ok(rows.into_iter().map(facts).collect())
}

/// The triggers of a table that are not replank's own, in the order in which they fire.
pub async fn read(
    session: &mut Session,
    table: &TableName,
    is_ours: impl Fn(&str) -> bool,
) -> Result<Vec<UserTrigger>, ServerError> {
    let mut triggers = Vec::new();
    for facts in facts(session, table).await? {
        if is_ours(&facts.name) {
            continue;
        }
        let sql = format!("SHOW CREATE TRIGGER {}.{}", table.schema, Ident::new(&facts.name));
        let row: Option<mysql_async::Row> = session.first_row(&sql).await?;
        let text = row.and_then(|row| row.get::<Option<String>, _>("SQL Original Statement").flatten());
        triggers.push(UserTrigger { facts, create_sql: text.unwrap_or_default() });
    }
    Ok(triggers)
}
