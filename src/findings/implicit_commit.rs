//! Changes of definitions between changes of rows.

use super::case::Case;
use super::{Hit, Level, Rule};

pub(super) const RULE: Rule = Rule {
    name: "implicit_commit",
    about: "each change of a definition commits what is open: a transaction around it does nothing, and what was \
            written before it stays when something behind it fails",
    fix: "put statements that change rows into a migration of their own, or behind all changes of definitions",
    level: Level::Warn,
    check,
};

#[derive(PartialEq)]
enum Kind {
    Begin,
    End,
    Rows,
    Definition,
    Other,
}

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let (mut open, mut wrote, mut collects) = (false, false, false);
    for (index, step) in case.steps.iter().enumerate() {
        if let Some(on) = autocommit(&step.words(AUTOCOMMIT_WORDS)) {
            // Turning it on commits what is open; turning it off begins nothing until something is written.
            (collects, open) = (!on, open && !on);
            wrote &= !on;
            continue;
        }
        match kind(&step.words(2)) {
            Kind::Begin => open = true,
            Kind::End => (open, wrote) = (false, false),
            Kind::Rows => wrote = true,
            Kind::Definition if open => {
                hits.push(Hit::told(index, "this statement commits the transaction that was begun above it"));
                (open, wrote) = (false, false);
            }
            Kind::Definition if wrote && collects => {
                hits.push(Hit::told(index, "this statement commits what was written since autocommit was turned off"));
                wrote = false;
            }
            Kind::Definition if wrote => {
                hits.push(Hit::told(index, "rows were changed above this statement, and stay changed if it fails"));
                wrote = false;
            }
            Kind::Definition | Kind::Other => {}
        }
    }
    hits
}

/// As many words as `SET @@SESSION.autocommit := OFF` has.
const AUTOCOMMIT_WORDS: usize = 7;

/// What SET makes of autocommit.
fn autocommit(words: &[String]) -> Option<bool> {
    let (set, rest) = words.split_first()?;
    let at = rest.iter().position(|word| word.trim_start_matches('@').ends_with("AUTOCOMMIT"))?;
    if set != "SET" || rest[..at].iter().any(|word| word.contains("GLOBAL")) {
        return None;
    }
    let value = rest[at + 1..].iter().find(|word| !matches!(word.as_str(), "=" | ":=" | ":"))?;
    Some(!matches!(value.as_str(), "0" | "OFF" | "FALSE"))
}

fn kind(words: &[String]) -> Kind {
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["START", "TRANSACTION"] | ["BEGIN"] | ["BEGIN", "WORK"] => Kind::Begin,
        ["COMMIT" | "ROLLBACK", ..] => Kind::End,
        ["INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "LOAD", ..] => Kind::Rows,
        ["CREATE" | "ALTER" | "DROP" | "RENAME" | "TRUNCATE", ..] => Kind::Definition,
        _ => Kind::Other,
    }
}
