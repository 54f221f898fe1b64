//! ENUM values that are removed while rows have them.

use super::case::{Case, rows};
use super::{Answer, Hit, Level, Question, Rule};

pub(super) const RULE: Rule = Rule {
    name: "enum_value_removed",
    about: "rows with a removed ENUM value stop the change, or get an empty value where the server is not strict",
    fix: "give those rows another value first, in a migration of its own",
    level: Level::Deny,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for change in case.changes() {
        for (from, to) in change.redefined() {
            let kept = to.arguments.clone();
            let removed: Vec<String> = from.arguments.iter().filter(|value| !kept.contains(value)).cloned().collect();
            if from.data_type != "enum" || to.data_type != "enum" || removed.is_empty() {
                continue;
            }
            let column = from.name.as_str();
            let what = format!("`{column}` of {} loses {}", change.name(), removed.join(", "));
            let Some(table) = change.askable(&from.name) else {
                hits.push(Hit::suspected(change.index, what));
                continue;
            };
            let name = &from.name;
            let sql = format!(
                "SELECT {name}, COUNT(*) FROM {table} WHERE {name} IN ({}) GROUP BY {name} ORDER BY 2 DESC",
                removed.join(", ")
            );
            let list = format!("SELECT * FROM {table} WHERE {name} IN ({})", removed.join(", "));
            let unanswered = format!("{what}; there was no time to look whether rows have it");
            let read = move |answer: &Answer| {
                let uses = answer.iter().filter_map(|row| match row.as_slice() {
                    [Some(value), Some(count)] => Some(format!("{} '{value}'", rows(count.parse().ok()?))),
                    _ => None,
                });
                let uses: Vec<String> = uses.collect();
                (!uses.is_empty()).then(|| format!("{what}, which is in use: {}", uses.join(", ")))
            };
            hits.push(Hit::asked(
                change.index,
                Question { sql, list, read: Box::new(read), unanswered, of_values: true, of_rounding: false },
            ));
        }
    }
    hits
}
