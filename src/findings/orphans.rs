//! A foreign key over rows that reference nothing.

use super::case::{Case, rows};
use super::{Hit, Level, Question, Rule};
use crate::foreign_keys::constrain::{EXAMPLES, FIX};
use crate::plan::definition::Definition;
use crate::plan::key_clauses::referenced_by;
use crate::plan::{ClauseKind, ConstraintKind, KeyClauses, Orphans, read_clauses};
use crate::sql::TableName;

pub(super) const RULE: Rule = Rule {
    name: "orphans",
    about: "a foreign key is not added over rows that reference no row of its parent",
    fix: FIX,
    level: Level::Deny,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for change in case.changes() {
        let Some(table) = &change.case.table else { continue };
        for text in KeyClauses::of(&change.change.alter, &[]).adds {
            let clauses = read_clauses(&text).map(|alter| alter.clauses).unwrap_or_default();
            let Some(ClauseKind::AddConstraint(key)) = clauses.first().map(|clause| &clause.kind) else { continue };
            let ConstraintKind::ForeignKey { references: parent } = &key.kind else { continue };
            // Values that this change converts, or earlier ones, cannot be asked about as they are now.
            let settled = key.columns.iter().all(|column| {
                let stays = change.before.column(column).zip(change.after.column(column));
                change.askable(column).is_some()
                    && stays.is_some_and(|(before, after)| before.data_type == after.data_type)
            });
            // A parent that this migration makes has the rows that it gives it.
            let is_new = case.creations().any(|(_, made, _)| made.table == parent.table);
            let Some(referenced) = referenced_by(&text).filter(|_| settled && !is_new) else { continue };
            let schema = parent.schema.clone().unwrap_or_else(|| table.schema.clone());
            let parent = TableName { schema, table: parent.table.clone() };
            let orphans =
                Orphans { child: table, columns: &key.columns, parent: &parent, referenced: &referenced, index: None };
            let named = key.name.as_ref().map(|name| format!(" (foreign key {name})")).unwrap_or_default();
            let of_key = change.case.now.as_ref().and_then(Definition::primary_key);
            let of_key: Vec<_> = of_key.map(|key| key.columns().cloned().collect()).unwrap_or_default();
            let columns: Vec<&str> = of_key.iter().map(|column| column.as_str()).collect();
            let look = format!("`{}`", columns.join("`, `"));
            let (name, parent) = (change.name(), parent.table.as_str().to_owned());
            let unanswered = format!("{name}: there was no time to look for rows without a row of `{parent}`{named}");
            let question =
                Question::count(orphans.count(&of_key, EXAMPLES), orphans.list(), unanswered, move |count, values| {
                    let verb = if count == 1 { "references" } else { "reference" };
                    let at = values.first().cloned().flatten().map(|keys| format!(", at {look} {keys}"));
                    format!("{} of {name} {verb} no row of `{parent}`{named}{}", rows(count), at.unwrap_or_default())
                });
            hits.push(Hit::asked(change.index, question.of_values()));
        }
    }
    hits
}
