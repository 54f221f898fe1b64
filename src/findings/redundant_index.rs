//! An index that is the beginning of another.

use super::case::{Case, ChangeCase};
use super::{Hit, Level, Rule};
use crate::plan::ConstraintKind;
use crate::plan::definition::{Definition, Index};
use crate::sql::TableName;

pub(super) const RULE: Rule = Rule {
    name: "redundant_index",
    about: "an index whose columns begin another index finds nothing that the other does not find, and is written with \
            every row",
    fix: "leave the shorter one out, or drop it in the same migration",
    level: Level::Warn,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let created = case.creations().map(|(index, table, definition)| {
        let name = format!("`{}`", table.table.as_str());
        (index, table, name, definition.indexes.iter().collect(), definition)
    });
    let changes: Vec<ChangeCase<'_>> = case.changes().collect();
    let changed = changes.iter().filter_map(|change| {
        Some((change.index, change.case.table.as_ref()?, change.name(), change.added_indexes().collect(), change.after))
    });
    let all: Vec<(usize, &TableName, String, Vec<&Index>, &Definition)> = changed.chain(created).collect();
    for (step, table, name, added, after) in all {
        // What a later statement of the migration drops is not redundant for long.
        let stays = |index: &Index| {
            let last = case.steps.iter().rfind(|other| other.table.as_ref() == Some(table));
            last.and_then(|last| last.after.as_ref()).is_some_and(|last| last.index(&index.name).is_some())
        };
        for (at, &new) in added.iter().enumerate() {
            // Of two new ones, the first one tells.
            let others = after.indexes.iter().filter(|other| other.name != new.name && !added[..at].contains(other));
            for other in others {
                let (shorter, longer) = match (covers(other, new), covers(new, other)) {
                    (true, _) => (new, other),
                    (false, true) => (other, new),
                    (false, false) => continue,
                };
                if !stays(shorter) || !stays(longer) {
                    continue;
                }
                let (shorter, longer) = (shorter.name.as_str(), longer.name.as_str());
                let text = format!("`{shorter}` of {name} is the beginning of `{longer}`");
                hits.push(Hit::told(step, text));
            }
        }
    }
    hits
}

/// Whether whatever the shorter finds, the longer finds too. A unique index is there for more than finding.
fn covers(longer: &Index, shorter: &Index) -> bool {
    let same_columns = longer.parts.len() == shorter.parts.len();
    let dispensable = !ChangeCase::is_unique(&shorter.kind) || (same_columns && ChangeCase::is_unique(&longer.kind));
    // An index can be read from its end, but only as a whole.
    let direction = |index: &Index| index.parts.first().is_some_and(|part| part.descending);
    let backwards = direction(longer) != direction(shorter);
    dispensable
        && shorter.kind != ConstraintKind::Primary
        && longer.is_ordered()
        && shorter.is_ordered()
        && !longer.has_expression
        && !shorter.has_expression
        && longer.parts.len() >= shorter.parts.len()
        && longer.parts.iter().zip(&shorter.parts).all(|(long, short)| {
            long.column.same_name(&short.column)
                && (long.descending != short.descending) == backwards
                && (long.prefix.is_none() || long.prefix == short.prefix)
        })
}
