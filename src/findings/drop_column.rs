//! Dropping a column.

use super::case::Case;
use super::rename_by_drop_and_add::likely_renames;
use super::{Hit, Level, Rule};
use crate::plan::ClauseKind;

pub(super) const RULE: Rule = Rule {
    name: "drop_column",
    about: "a dropped column is gone with its values, and an application that still names it fails at once",
    fix: "remove in two steps: first deploy an application that no longer reads or writes the column, later drop it",
    level: Level::Warn,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let renamed = likely_renames(case);
    case.clauses()
        .filter_map(|(step, change, clause)| match &clause.kind {
            ClauseKind::DropColumn { column } if !case.steps[step].is_new => Some((step, change, column)),
            _ => None,
        })
        // That rule has more to say of it.
        .filter(|(step, _, column)| !renamed.iter().any(|rename| rename.step == *step && rename.from == **column))
        .map(|(step, change, column)| {
            let table = change.table.table.as_str();
            Hit::told(step, format!("the column `{}` of `{table}` is dropped with its values", column.as_str()))
        })
        .collect()
}
