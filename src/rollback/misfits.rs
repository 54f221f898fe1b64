//! Values written since the change that the old definition does not take: found and named before the tables are
//! swapped, and best before anything is done.

use crate::change::Change;
use crate::error::{Failure, Result};
use crate::findings::misfit_condition;
use crate::mirror::change_log::{key_value, row_texts};
use crate::plan::ColumnPair;
use crate::plan::definition::{Column, read_create_table};
use crate::schema::{Index, Table};
use crate::server::{Flavor, ServerError, Session, server_failure};
use crate::sql::Ident;

/// Keys that are named.
const NAMED: usize = 10;

/// What does not fit, `None` when nothing is found. Looks at the rows whose keys are logged, by their key.
pub(super) async fn look(session: &mut Session, change: &Change, new: &Table, old: &Table) -> Result<Option<Failure>> {
    let failure = out_of_range(session, change, &new.create_sql, &old.create_sql).await?;
    if failure.is_some() {
        return Ok(failure);
    }
    duplicates(session, change, new, old).await
}

async fn out_of_range(session: &mut Session, change: &Change, new: &str, old: &str) -> Result<Option<Failure>> {
    let (new, old) = (columns(new), columns(old));
    for pair in &change.mapping.pairs {
        for (what, condition) in conditions(pair, &new, &old) {
            let keys = matching(session, change, &condition(&qualified(change, pair))).await.map_err(failed)?;
            if !keys.is_empty() {
                return Ok(Some(refusal(change, pair, &what, &condition(&pair.source.name.to_string()), &keys)));
            }
        }
    }
    Ok(None)
}

type Condition = Box<dyn Fn(&str) -> String + Send>;

/// What may be wrong with the values of a column, and a condition that is true of those.
fn conditions(pair: &ColumnPair, new: &[Column], old: &[Column]) -> Vec<(String, Condition)> {
    let mut found: Vec<(String, Condition)> = Vec::new();
    if pair.source.nullable && !pair.target.nullable {
        found.push(("is NULL".to_owned(), Box::new(|name| format!("{name} IS NULL"))));
    }
    let named = |columns: &[Column], of: &crate::schema::Column| {
        columns.iter().find(|column| column.name.same_name(&of.name)).cloned()
    };
    let (Some(from), Some(to)) = (named(new, &pair.source), named(old, &pair.target)) else { return found };
    if from.data_type == "enum" && to.data_type == "enum" {
        let values = to.arguments.join(", ");
        if from.arguments.iter().any(|value| !to.arguments.contains(value)) {
            found.push((
                "has a value that the old column does not have".to_owned(),
                Box::new(move |name| format!("{name} NOT IN ({values})")),
            ));
        }
    } else if misfit_condition(&from, &to, "x").is_some() {
        found.push((
            format!("does not fit {}", pair.target.column_type),
            Box::new(move |name| misfit_condition(&from, &to, name).unwrap_or_else(|| "FALSE".to_owned())),
        ));
    }
    found
}

fn columns(create_sql: &str) -> Vec<Column> {
    read_create_table(create_sql).and_then(|read| read.definition).map(|table| table.columns).unwrap_or_default()
}

fn qualified(change: &Change, pair: &ColumnPair) -> String {
    format!("{}.{}", change.original, pair.source.name)
}

/// Logged keys whose rows match a condition, one more than is named at most.
async fn matching(session: &mut Session, change: &Change, condition: &str) -> Result<Vec<String>, ServerError> {
    let key = change.original_key_sql();
    let same: Vec<String> =
        change.log.key_columns().zip(&key).map(|(logged, column)| format!("{column} = batch.{logged}")).collect();
    let sql = format!(
        "SELECT {} FROM {} AS batch STRAIGHT_JOIN {} FORCE INDEX ({}) ON {} WHERE {condition} LIMIT {}",
        change.key.select_list(&key),
        change.log.distinct_keys(None),
        change.original,
        change.key.index,
        same.join(" AND "),
        NAMED + 1,
    );
    let rows: Vec<mysql_async::Row> = session.rows(&sql).await?;
    rows.into_iter().map(|row| Ok(change.describe(&key_value(&change.key, row_texts(row)?)?))).collect()
}

fn refusal(change: &Change, pair: &ColumnPair, what: &str, condition: &str, keys: &[String]) -> Failure {
    let table = &change.original;
    let rows = match keys.len() {
        1 => "a row".to_owned(),
        some if some > NAMED => format!("more than {NAMED} rows"),
        some => format!("{some} rows"),
    };
    let columns: Vec<String> = change.original_key().iter().map(ToString::to_string).collect();
    Failure::refused(format!("{rows} of {table} written since the change cannot go back: {} {what}", pair.source.name))
        .table("untouched; writes go on being logged")
        .next(format!(
            "`SELECT {} FROM {table} WHERE {condition}` lists them; mend them, then run the command again",
            columns.join(", ")
        ))
        .cause(format!("keys: {}", keys[..keys.len().min(NAMED)].join("; ")))
}

/// How long values may be counted: only a unique index that the change has dropped makes that necessary, and without it
/// the whole table is read. What is not found here stops the way back before the swap, less politely.
const COUNTED_WITHIN: u32 = 60;

/// Values that occur more than once since the change dropped a unique index.
async fn duplicates(session: &mut Session, change: &Change, new: &Table, old: &Table) -> Result<Option<Failure>> {
    for index in old.indexes.iter().filter(|index| index.unique) {
        let source = |name: &Ident| change.mapping.source_of(name).map(|column| column.name.clone());
        let columns: Option<Vec<Ident>> =
            index.whole_columns().and_then(|columns| columns.into_iter().map(source).collect());
        let Some(columns) = columns else { continue };
        let is_kept = |other: &Index| {
            other.unique
                && other
                    .whole_columns()
                    .is_some_and(|parts| parts.iter().all(|part| columns.iter().any(|column| column.same_name(part))))
        };
        if new.indexes.iter().any(is_kept) {
            continue;
        }
        let list: Vec<String> = columns.iter().map(Ident::to_string).collect();
        let list = list.join(", ");
        let not_null: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let grouped =
            format!("FROM {} WHERE {} GROUP BY {list} HAVING COUNT(*) > 1", change.original, not_null.join(" AND "));
        let counted = format!("COUNT(*), CAST(CONCAT_WS(', ', {list}) AS CHAR) {grouped} LIMIT {NAMED}");
        let sql = match session.server().facts.flavor {
            Flavor::MySql => format!("SELECT /*+ MAX_EXECUTION_TIME({COUNTED_WITHIN}000) */ {counted}"),
            Flavor::MariaDb => format!("SET STATEMENT max_statement_time = {COUNTED_WITHIN} FOR SELECT {counted}"),
        };
        let found: Vec<(u64, Option<String>)> = match session.rows(&sql).await {
            Ok(found) => found,
            Err(error) if error.is_interrupted() => continue,
            Err(error) => return Err(failed(error)),
        };
        if !found.is_empty() {
            let rows: u64 = found.iter().map(|(rows, _)| rows).sum();
            let values: Vec<&str> = found.iter().filter_map(|(_, value)| value.as_deref()).collect();
            let table = &change.original;
            return Ok(Some(
                Failure::refused(format!("{rows} rows of {table} have the same values of ({list})"))
                    .table("untouched; writes go on being logged")
                    .next(format!(
                        "`SELECT COUNT(*), {list} {grouped}` lists them; mend them, then run the command again"
                    ))
                    .cause(format!("the unique index {} of the old table; values: {}", index.name, values.join("; "))),
            ));
        }
    }
    Ok(None)
}

fn failed(error: ServerError) -> Failure {
    server_failure("looking for values that do not fit the old definition", &error)
}
