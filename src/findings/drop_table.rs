//! Dropping a table.

use super::case::{Case, rows};
use super::{Hit, Level, Rule};

pub(super) const RULE: Rule = Rule {
    name: "drop_table",
    about: "a dropped table is gone with its rows, and an application that still uses it fails at once",
    fix: "remove in two steps: first deploy an application that no longer reads or writes the table, later drop it",
    level: Level::Warn,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let hit = |(index, step): (usize, &super::StepCase<'_>)| {
        let words = step.words(2);
        let drops =
            words.first().is_some_and(|word| word == "DROP") && words.get(1).is_some_and(|word| word == "TABLE");
        if !drops || step.is_new {
            return None;
        }
        let name = step.table.as_ref()?.table.as_str();
        let lost = step.size.map(|size| format!(" with its about {}", rows(size.rows))).unwrap_or_default();
        Some(Hit::told(index, format!("the table `{name}` is dropped{lost}")))
    };
    case.steps.iter().enumerate().filter_map(hit).collect()
}
