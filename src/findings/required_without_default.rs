//! A new column that is NOT NULL and has no default.

use super::case::Case;
use super::{Hit, Level, Question, Rule};

pub(super) const RULE: Rule = Rule {
    name: "required_without_default",
    about: "a new NOT NULL column without a default gives existing rows a value nobody chose, and makes inserts of an \
            application that does not know it fail",
    fix: "give it a DEFAULT; or add it as NULL, let the application write it, fill it, and make it NOT NULL later",
    level: Level::Deny,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for change in case.changes() {
        // Nothing writes a table that does not exist yet, and nothing is in it.
        if change.case.is_new {
            continue;
        }
        for column in change.added_columns() {
            let has_value =
                column.nullable || column.default.is_some() || column.auto_increment || column.generated.is_some();
            if !has_value {
                let text =
                    format!("`{}` of {} is new, NOT NULL and has no default", column.name.as_str(), change.name());
                // An empty table has no application yet that leaves the column out.
                let table = change.case.table.as_ref().filter(|_| change.case.now.is_some());
                hits.push(match table {
                    Some(table) => {
                        let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT 1) some");
                        let found = text.clone();
                        Hit::asked(change.index, Question::count(sql.clone(), sql, text, move |_, _| found.clone()))
                    }
                    None => Hit::told(change.index, text),
                });
            }
        }
    }
    hits
}
