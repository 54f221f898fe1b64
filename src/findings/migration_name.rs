//! Names of migrations.

use super::case::Case;
use super::{Hit, Level, Rule};

pub(super) const RULE: Rule = Rule {
    name: "migration_name",
    about: "a name that says what is done to what is found again: action_target_detail",
    fix: "name it like `add_order_sku`, `add_index_order_status` or `remove_user_legacy_id` before it is applied",
    level: Level::Note,
    check,
};

/// What a name begins with.
const ACTIONS: [&str; 18] = [
    "add", "alter", "backfill", "change", "convert", "create", "drop", "extend", "fill", "make", "merge", "move",
    "remove", "rename", "replace", "set", "split", "update",
];

/// What the first migration is called.
const FIRST: [&str; 3] = ["init", "initial", "baseline"];

fn check(case: &Case<'_>) -> Vec<Hit> {
    let (stamp, name) = case.name.split_once('_').unwrap_or((case.name, ""));
    if FIRST.iter().any(|first| name.starts_with(first)) || !stamp.chars().all(|digit| digit.is_ascii_digit()) {
        return Vec::new();
    }
    let words: Vec<&str> = name.split('_').collect();
    let shaped = words
        .iter()
        .all(|word| !word.is_empty() && word.chars().all(|ch| ch.is_ascii_lowercase() || ch.is_ascii_digit()));
    let text = match words.as_slice() {
        [""] => "has no name behind its stamp".to_owned(),
        _ if !shaped => format!("the name `{name}` is not of lower-case words with underscores between them"),
        [action, ..] if !ACTIONS.contains(action) => format!("the name `{name}` does not begin with what is done"),
        [_] => format!("the name `{name}` does not say what it is done to"),
        _ => return Vec::new(),
    };
    vec![Hit::of_migration(text)]
}
