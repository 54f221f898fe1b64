//! An index that begins with a column that is itself new.

use super::case::{Case, ChangeCase};
use super::{Hit, Level, Rule};
use crate::sql::Ident;

pub(super) const RULE: Rule = Rule {
    name: "index_before_its_use",
    about: "no query of the running application can use an index that begins with a column it does not know yet, and \
            every value in it is the same until something fills the column",
    fix: "make the index in a later migration, when the column is filled and queries for it are about to be deployed",
    level: Level::Note,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    // The columns that this migration adds so far, by table.
    let mut added: Vec<(String, Ident)> = Vec::new();
    for change in case.changes().filter(|change| !change.case.is_new) {
        let table = change.name();
        added.extend(change.added_columns().into_iter().map(|column| (table.clone(), column.name.clone())));
        // A unique index is there for more than queries.
        for index in change.added_indexes().filter(|index| !ChangeCase::is_unique(&index.kind)) {
            let is_added = |name: &Ident| added.iter().any(|(other, column)| *other == table && column.same_name(name));
            if let Some(first) = index.columns().next().filter(|first| is_added(first)) {
                let (index, first) = (index.name.as_str(), first.as_str());
                hits.push(Hit::told(change.index, format!("`{index}` of {table} begins with `{first}`, which is new")));
            }
        }
    }
    hits
}
