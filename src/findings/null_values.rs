//! NOT NULL for a column that has NULLs.

use super::case::Case;
use super::{Hit, Level, Question, Rule};

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
            let column = from.name.as_str();
            if let Some(table) = change.askable(&from.name) {
                let what = format!("NULL in `{column}`, which becomes NOT NULL");
                let unanswered =
                    format!("`{column}` of {} becomes NOT NULL; there was no time to look for NULLs", change.name());
                let condition = format!("{} IS NULL", from.name);
                hits.push(Hit::asked(change.index, Question::rows_where(&change, table, &condition, what, unanswered)));
            }
        }
    }
    hits
}
