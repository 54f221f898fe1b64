//! Whether the original is still the table that was copied: nobody altered, truncated or rebuilt it, nobody hung
//! anything on it that would go away with the old table, and the mirror's triggers are in place.

use crate::run::Run;
use crate::runs::Identity;
use crate::schema::{self, Relations};
use crate::server::{Flavor, ServerError, Session, errno};
use crate::shadow;
use crate::sql::{Ident, TableName, string_literal};

/// Rows looked at on each end of the shadow.
const SAMPLE: usize = 5;

/// What is different, `None` when nothing is. Everything it asks is answered within milliseconds under LOCK TABLES.
pub async fn difference(run: &Run, session: &mut Session) -> Result<Option<String>, ServerError> {
    let change = &run.change;
    if change.mirror.present(session).await? < 3 {
        return Ok(Some("triggers of this run are missing or different".into()));
    }
    let triggers = triggers(session, &change.original).await?;
    let (own, foreign): (Vec<String>, Vec<String>) =
        triggers.into_iter().partition(|name| change.mirror.is_one_of_them(name));
    if own.len() < 3 {
        return Ok(Some("triggers of this run are missing: they went with another table".into()));
    }
    if let Some(trigger) = foreign.first() {
        return Ok(Some(format!("somebody created the trigger {trigger} on it, which the new table would not have")));
    }
    if let Some(child) = new_child(session, &change.original).await? {
        return Ok(Some(format!("{child} now references it by a foreign key, which would stay with the old table")));
    }
    let now = identity(session, &change.original).await?;
    Ok(match &run.checkpoint.original {
        Some(then) if then.definition != now.definition => Some("its definition was changed by somebody else".into()),
        // Where they could be read only once, nothing is known.
        Some(then) if then.table_ids.is_some() && now.table_ids.is_some() && then.table_ids != now.table_ids => {
            Some("it was truncated or rebuilt by somebody else".into())
        }
        _ => None,
    })
}

/// Whether one of the first or last rows of the shadow is not in the original. For accounts that may not read table
/// ids: a TRUNCATE leaves the old rows in the shadow. Only under the lock and with an empty log is the answer exact.
pub(super) async fn is_missing_rows(run: &Run, session: &mut Session) -> Result<bool, ServerError> {
    let change = &run.change;
    let index = Ident::new(run.checkpoint.shadow_index.clone());
    let (inner, outer) = (change.shadow_key(), change.original_key());
    let equal: Vec<String> = inner
        .iter()
        .zip(&outer)
        .map(|(inner, outer)| format!("sample.{inner} = {}.{outer}", change.original))
        .collect();
    let columns: Vec<String> = inner.iter().map(Ident::to_string).collect();
    for direction in ["", " DESC"] {
        let order: Vec<String> = columns.iter().map(|column| format!("{column}{direction}")).collect();
        let sql = format!(
            "SELECT 1 FROM (SELECT {} FROM {} FORCE INDEX ({index}) ORDER BY {} LIMIT {SAMPLE}) AS sample \
             LEFT JOIN {} FORCE INDEX ({}) ON {} WHERE {}.{} IS NULL LIMIT 1",
            columns.join(", "),
            change.shadow,
            order.join(", "),
            change.original,
            change.key.index,
            equal.join(" AND "),
            change.original,
            outer[0],
        );
        if session.first_row::<u64>(&sql).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The names of all triggers on a table.
async fn triggers(session: &mut Session, table: &TableName) -> Result<Vec<String>, ServerError> {
    let sql = format!(
        "SELECT trigger_name FROM information_schema.triggers \
         WHERE event_object_schema = {} AND event_object_table = {}",
        string_literal(table.schema.as_str()),
        string_literal(table.table.as_str()),
    );
    session.rows(&sql).await
}

/// A table that references this one.
///
/// MariaDB's information_schema.key_column_usage opens every table of the server for that question, so its InnoDB is
/// asked instead; without PROCESS it does not answer, and only [`difference_before_window`] notices.
async fn new_child(session: &mut Session, table: &TableName) -> Result<Option<String>, ServerError> {
    if session.server().facts.flavor == Flavor::MySql {
        let relations = Relations::read(session, table, Flavor::MySql).await?;
        return Ok(relations.referenced_by.into_iter().next().map(|(_, child)| child));
    }
    let name = innodb_name(table);
    let sql = format!(
        "SELECT ref_name, for_name FROM information_schema.innodb_sys_foreign WHERE ref_name = {}",
        string_literal(&name)
    );
    match session.rows::<(String, String)>(&sql).await {
        // The comparison ignores the case of letters, which tells tables apart.
        Ok(keys) => Ok(keys.into_iter().find(|(referenced, _)| *referenced == name).map(|(_, child)| child)),
        Err(error) if error.is_any(&errno::DENIED) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same as [`difference`] with questions that take longer, for the moments before a window.
pub(super) async fn difference_before_window(run: &Run, session: &mut Session) -> Result<Option<String>, ServerError> {
    let relations = Relations::read(session, &run.change.original, run.server.facts.flavor).await?;
    if let Some((_, child)) = relations.referenced_by.first() {
        return Ok(Some(format!("{child} now references it by a foreign key, which would stay with the old table")));
    }
    difference(run, session).await
}

/// What a table is now, to be compared with what it was.
pub async fn identity(session: &mut Session, table: &TableName) -> Result<Identity, ServerError> {
    let definition = schema::create_sql(session, table).await?.unwrap_or_default();
    let definition = shadow::without_counter(&definition);
    Ok(Identity { definition, table_ids: table_ids(session, table).await? })
}

/// InnoDB's numbers of a table, one for each partition; `None` without the PROCESS privilege.
async fn table_ids(session: &mut Session, table: &TableName) -> Result<Option<Vec<u64>>, ServerError> {
    let view = match session.server().facts.flavor {
        Flavor::MySql => "innodb_tables",
        Flavor::MariaDb => "innodb_sys_tables",
    };
    let name = innodb_name(table);
    let pattern = name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
    let sql = format!(
        "SELECT name, table_id FROM information_schema.{view} WHERE name = {} OR name LIKE {} ORDER BY table_id",
        string_literal(&name),
        string_literal(&format!("{pattern}#%"))
    );
    let is_part_of_it =
        |found: &str| found.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'));
    match session.rows::<(String, u64)>(&sql).await {
        Ok(rows) => Ok(Some(rows.into_iter().filter(|(found, _)| is_part_of_it(found)).map(|(_, id)| id).collect())),
        Err(error) if error.is_any(&errno::DENIED) => Ok(None),
        Err(error) => Err(error),
    }
}

fn innodb_name(table: &TableName) -> String {
    format!("{}/{}", file_name(table.schema.as_str()), file_name(table.table.as_str()))
}

/// InnoDB stores names as file names: other ASCII characters than letters, digits and `_` as `@` and four digits.
fn file_name(name: &str) -> String {
    let mut encoded = String::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() || character == '_' {
            encoded.push(character);
        } else {
            encoded.push_str(&format!("@{:04x}", u32::from(character)));
        }
    }
    encoded
}
