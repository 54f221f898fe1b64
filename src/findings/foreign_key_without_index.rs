//! A foreign key whose columns no index begins with.

use super::case::Case;
use super::{Hit, Level, Rule};
use crate::plan::{ClauseKind, ConstraintKind};

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
    for change in case.changes() {
        for clause in &change.change.alter.clauses {
            let ClauseKind::AddConstraint(key) = &clause.kind else { continue };
            if matches!(key.kind, ConstraintKind::ForeignKey { .. }) && !change.after.has_index_on(&key.columns) {
                let columns: Vec<&str> = key.columns.iter().map(|column| column.as_str()).collect();
                let text = format!(
                    "the foreign key over ({}) of {} has no index: the server makes one",
                    columns.join(", "),
                    change.name()
                );
                hits.push(Hit::told(change.index, text));
            }
        }
    }
    hits
}
