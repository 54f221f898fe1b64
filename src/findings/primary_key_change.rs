//! A change of the primary key.

use super::case::Case;
use super::{Hit, Level, Rule};
use crate::plan::definition::{Definition, Index};

pub(super) const RULE: Rule = Rule {
    name: "primary_key_change",
    about: "the primary key orders the rows, is in every index, and is what foreign keys and applications refer to",
    fix: "make sure that everything which refers to it can take both; deploy it by itself, at a quiet time",
    level: Level::Warn,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for change in case.changes().filter(|change| !change.case.is_new) {
        let table = change.name();
        let columns = |index: Option<&Index>| {
            index.map(|index| index.columns().map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(", "))
        };
        let (from, to) = (columns(change.before.primary_key()), columns(change.after.primary_key()));
        let text = match (from, to) {
            (Some(from), None) => format!("{table} loses its primary key ({from})"),
            (None, Some(to)) => format!("{table} gets a primary key ({to})"),
            (Some(from), Some(to)) if from.to_lowercase() != to.to_lowercase() => {
                format!("the primary key of {table} becomes ({to}) from ({from})")
            }
            _ => match retyped(change.before, change.after) {
                Some(text) => format!("the primary key of {table} changes its type: {text}"),
                None => continue,
            },
        };
        hits.push(Hit::told(change.index, text));
    }
    hits
}

fn retyped(before: &Definition, after: &Definition) -> Option<String> {
    let key = after.primary_key()?;
    key.columns().find_map(|name| {
        let (from, to) = (before.column(name)?, after.column(name)?);
        (!from.same_type(to))
            .then(|| format!("`{}` is {} and becomes {}", name.as_str(), from.type_label(), to.type_label()))
    })
}
