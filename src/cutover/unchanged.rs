//! Whether the original is still the table that was copied: nobody altered, truncated or rebuilt it, nobody hung
//! anything on it that would go away with the old table, and the mirror's triggers are in place.

use crate::foreign_keys::window;
use crate::run::Run;
use crate::runs::Identity;
use crate::schema::{self, Relations};
use crate::server::{Flavor, ServerError, Session, errno};
use crate::shadow;
use crate::sql::{Ident, TableName, file_name, string_literal};
use crate::user_triggers;

/// Rows looked at on each end of the shadow.
const SAMPLE: usize = 5;

/// What is different, `None` when nothing is. Everything it asks is answered within milliseconds under LOCK TABLES.
pub async fn difference(run: &Run, session: &mut Session) -> Result<Option<String>, ServerError> {
    let change = &run.change;
    if change.mirror.present(session).await? < 3 {
        return Ok(Some("triggers of this run are missing or different".into()));
    }
    let triggers = user_triggers::facts(session, &change.original).await?;
    let (own, of_users): (Vec<_>, Vec<_>) =
        triggers.into_iter().partition(|trigger| change.mirror.is_one_of_them(&trigger.name));
    let is_cascade = |name: &str| run.checkpoint.foreign_keys.is_own_trigger(name);
    let of_users: Vec<_> = of_users.into_iter().filter(|trigger| !is_cascade(&trigger.name)).collect();
    if own.len() < 3 {
        return Ok(Some("triggers of this run are missing: they went with another table".into()));
    }
    // One that opens a table anew may be left where the server crashed just then.
    let spare = &change.row_triggers.insert;
    let of_users = of_users.into_iter().filter(|trigger| !spare.same_name(&Ident::new(&trigger.name))).collect();
    let of_users = run.relocation().unmuted(of_users);
    if let Some(what) = user_triggers::difference(&run.checkpoint.user_triggers, &of_users) {
        return Ok(Some(what));
    }
    if let Some(table) = window::missing_cascade(run, session).await? {
        return Ok(Some(format!("triggers of this run are missing on {table}, so its cascades were not logged")));
    }
    if let Some(child) = new_child(run, session).await? {
        return Ok(Some(format!("{child} now references it by a foreign key, which would stay with the old table")));
    }
    let now = identity_like(session, &change.original, run.checkpoint.original.as_ref()).await?;
    Ok(match &run.checkpoint.original {
        Some(then) if then.definition != now.definition => Some("its definition was changed by somebody else".into()),
        // Where they could be read only once, nothing is known.
        Some(then) if now.has_numbers_of(then) == Some(false) => {
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
    // Not IS NULL, which both servers take for a zero date, too.
    for direction in ["", " DESC"] {
        let order: Vec<String> = columns.iter().map(|column| format!("{column}{direction}")).collect();
        let sql = format!(
            "SELECT 1 FROM (SELECT {} FROM {} FORCE INDEX ({index}) ORDER BY {} LIMIT {SAMPLE}) AS sample \
             LEFT JOIN {} FORCE INDEX ({}) ON {} WHERE {}.{} <=> NULL LIMIT 1",
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

/// A table that references this one.
///
/// MariaDB's information_schema.key_column_usage opens every table of the server for that question, so its InnoDB is
/// asked instead; without PROCESS it does not answer, and only [`difference_before_window`] notices.
async fn new_child(run: &Run, session: &mut Session) -> Result<Option<String>, ServerError> {
    let table = &run.change.original;
    if session.server().facts.flavor == Flavor::MySql {
        let relations = Relations::read(session, table, Flavor::MySql).await?;
        return Ok(unknown(run, relations.referenced_by));
    }
    let name = file_name::of_table(table);
    let sql = format!(
        "SELECT ref_name, for_name, id FROM information_schema.innodb_sys_foreign WHERE ref_name = {}",
        string_literal(&name)
    );
    match session.rows::<(String, String, String)>(&sql).await {
        // The comparison ignores the case of letters, which tells tables apart.
        Ok(keys) => {
            let own: Vec<(String, String)> = run
                .checkpoint
                .foreign_keys
                .children
                .iter()
                .flat_map(|child| {
                    child.keys.iter().map(|key| (file_name::of_table(&child.table), key.name.as_str().to_owned()))
                })
                .chain(
                    run.checkpoint.foreign_keys.original.iter().map(|key| (name.clone(), key.name.as_str().to_owned())),
                )
                .collect();
            let is_known = |child: &str, id: &str| {
                let named =
                    |key: &str| id.rsplit_once('/').is_some_and(|(_, id)| id == key || id == file_name::encoded(key));
                own.iter().any(|(table, key)| table == child && named(key))
            };
            let referencing = keys.into_iter().filter(|(referenced, _, _)| *referenced == name);
            Ok(referencing
                .map(|(_, child, id)| (child, id))
                .find(|(child, id)| !is_known(child, id))
                .map(|(child, _)| child))
        }
        Err(error) if error.is_any(&errno::DENIED) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The first table of these that did not reference it when the run was prepared.
fn unknown(run: &Run, referenced_by: Vec<(String, TableName)>) -> Option<String> {
    let keys = &run.checkpoint.foreign_keys;
    let is_new = |(constraint, child): &(String, TableName)| !keys.is_known_child(constraint, child);
    referenced_by.into_iter().find(is_new).map(|(_, child)| child.plain())
}

/// The same as [`difference`] with questions that take longer, for the moments before a window.
pub(super) async fn difference_before_window(run: &Run, session: &mut Session) -> Result<Option<String>, ServerError> {
    let relations = Relations::read(session, &run.change.original, run.server.facts.flavor).await?;
    if let Some(child) = unknown(run, relations.referenced_by) {
        return Ok(Some(format!("{child} now references it by a foreign key, which would stay with the old table")));
    }
    difference(run, session).await
}

/// What a table is now, to be compared with what it was.
pub async fn identity(session: &mut Session, table: &TableName) -> Result<Identity, ServerError> {
    let definition = schema::create_sql(session, table).await?.unwrap_or_default();
    let mut identity = Identity::unnumbered(shadow::without_counter(&definition));
    if session.server().facts.flavor == Flavor::MySql {
        identity.tablespaces = tablespaces(session, table).await?;
    }
    if identity.tablespaces.is_none() {
        identity.table_ids = table_ids(session, table).await?;
    }
    Ok(identity)
}

/// The same, to be compared with what a version may have noted that knew MySQL's tables by their own numbers.
pub async fn identity_like(
    session: &mut Session,
    table: &TableName,
    then: Option<&Identity>,
) -> Result<Identity, ServerError> {
    let mut now = identity(session, table).await?;
    let is_by_tables = then.is_some_and(|then| then.tablespaces.is_none() && then.table_ids.is_some());
    if is_by_tables && now.table_ids.is_none() {
        now.table_ids = table_ids(session, table).await?;
    }
    Ok(now)
}

/// MySQL's numbers of the files of a table, one for each partition; `None` without the PROCESS privilege, and for a table
/// in a file with others.
///
/// Not from innodb_tables or innodb_tablestats: they open every table of the server, and so wait for each ALTER TABLE of
/// another table that waits for its own lock.
async fn tablespaces(session: &mut Session, table: &TableName) -> Result<Option<Vec<u64>>, ServerError> {
    let view = "information_schema.innodb_tablespaces_brief";
    let found = numbers(session, view, "space", &file_name::of_table_in_dictionary(table)).await?;
    Ok(found.filter(|found| !found.is_empty()))
}

/// InnoDB's numbers of a table, one for each partition; `None` without the PROCESS privilege.
async fn table_ids(session: &mut Session, table: &TableName) -> Result<Option<Vec<u64>>, ServerError> {
    let view = match session.server().facts.flavor {
        Flavor::MySql => "information_schema.innodb_tables",
        Flavor::MariaDb => "information_schema.innodb_sys_tables",
    };
    numbers(session, view, "table_id", &file_name::of_table(table)).await
}

/// Those of a name and of its partitions.
async fn numbers(session: &mut Session, view: &str, number: &str, name: &str) -> Result<Option<Vec<u64>>, ServerError> {
    let pattern = name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
    let sql = format!(
        "SELECT name, {number} FROM {view} WHERE name = {} OR name LIKE {} ORDER BY {number}",
        string_literal(name),
        string_literal(&format!("{pattern}#%"))
    );
    // A name of somebody's may go on with `#`, too.
    let is_partition = |rest: &str| rest.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("#p#"));
    let is_part_of_it =
        |found: &str| found.strip_prefix(name).is_some_and(|rest| rest.is_empty() || is_partition(rest));
    match session.rows::<(String, u64)>(&sql).await {
        Ok(rows) => Ok(Some(rows.into_iter().filter(|(found, _)| is_part_of_it(found)).map(|(_, id)| id).collect())),
        Err(error) if error.is_any(&errno::DENIED) => Ok(None),
        Err(error) => Err(error),
    }
}
