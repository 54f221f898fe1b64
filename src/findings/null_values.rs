//! NOT NULL for a column that has NULLs.

use super::case::{Case, ChangeCase};
use super::{Hit, Level, Question, Rule};
use crate::plan::definition::Column;

pub(super) const RULE: Rule = Rule {
    name: "null_values",
    about: "a column with NULLs cannot become NOT NULL",
    fix: "give those rows a value first, and let the application always write one",
    level: Level::Deny,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for change in case.changes() {
        for (from, to) in change.redefined() {
            if !from.nullable || to.nullable {
                continue;
            }
            hits.extend(ask(&change, from, "becomes NOT NULL"));
        }
        for column in new_key_columns(&change) {
            hits.extend(ask(&change, column, "becomes part of the primary key"));
        }
    }
    hits
}

/// Columns with NULLs that are NOT NULL only because the primary key says so.
fn new_key_columns<'a>(change: &ChangeCase<'a>) -> Vec<&'a Column> {
    let redefined = change.redefined();
    let key = change.after.primary_key();
    let columns = key.into_iter().flat_map(|key| key.columns()).filter_map(|name| change.before.column(name));
    columns
        .filter(|column| column.nullable && redefined.iter().all(|(from, _)| !from.name.same_name(&column.name)))
        .filter(|column| change.added_columns().iter().all(|added| !added.name.same_name(&column.name)))
        .collect()
}

fn ask(change: &ChangeCase<'_>, from: &Column, becomes: &str) -> Option<Hit> {
    let column = from.name.as_str();
    let table = change.askable(&from.name)?;
    let what = format!("NULL in `{column}`, which {becomes}");
    let unanswered = format!("`{column}` of {} {becomes}; there was no time to look for NULLs", change.name());
    let condition = format!("{} IS NULL", from.name);
    Some(Hit::asked(change.index, Question::rows_where(change, table, &condition, what, unanswered)))
}
