//! A foreign key whose columns no index begins with.

use super::case::Case;
use super::{Hit, Level, Rule};
use crate::plan::{ClauseKind, ConstraintKind};
use crate::sql::Ident;

pub(super) const RULE: Rule = Rule {
    name: "foreign_key_without_index",
    about: "the server makes an index for a foreign key that has none, which appears in no file and can vanish again \
            when another index covers it",
    fix: "add `@@index` over the columns in the Prisma schema, so that the index is made on purpose and has a name",
    level: Level::Note,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let text = |columns: &[Ident], table: String| {
        let columns: Vec<&str> = columns.iter().map(|column| column.as_str()).collect();
        format!("the foreign key over ({}) of {table} has no index: the server makes one", columns.join(", "))
    };
    for (index, table, definition) in case.creations() {
        for key in &definition.foreign_keys {
            // A key in the text of a column is an index of that column.
            let is_inline = |name: &Ident| definition.column(name).is_some_and(|column| column.inline_key);
            let has_index =
                definition.has_index_on(&key.columns) || (key.columns.len() == 1 && key.columns.iter().all(is_inline));
            if !has_index {
                hits.push(Hit::told(index, text(&key.columns, format!("`{}`", table.table.as_str()))));
            }
        }
    }
    for change in case.changes() {
        for clause in &change.change.alter.clauses {
            let ClauseKind::AddConstraint(key) = &clause.kind else { continue };
            if matches!(key.kind, ConstraintKind::ForeignKey { .. }) && !change.after.has_index_on(&key.columns) {
                hits.push(Hit::told(change.index, text(&key.columns, change.name())));
            }
        }
    }
    hits
}
