//! Statements whose effect is not the same everywhere the migration is replayed.

use super::case::Case;
use super::{Hit, Level, Rule};
use crate::deploy::step::{Action, AsIs};
use crate::plan::ClauseError;
use crate::sql::lexer::{LexError, Token, significant};

pub(super) const RULE: Rule = Rule {
    name: "drift",
    about: "Prisma replays every migration in an empty database and compares; what depends on the server or on what is \
            there comes out different, and is reported as drift",
    fix: "write what the migration does without conditions, without the name of a database and without executable \
          comments",
    level: Level::Warn,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let words = step.words(1);
        let first = words.first().map_or("", String::as_str);
        let mut tell = |text: String| hits.push(Hit::told(index, text));
        if first == "USE" {
            tell("USE leaves the database that Prisma replays in".to_owned());
        }
        let text = step.step.statements.first().map_or("", |statement| statement.text);
        if !is_about_a_table(text) {
            continue;
        }
        if let Some(schema) = step.table.as_ref().filter(|_| names_schema(step)).map(|table| table.schema.as_str()) {
            tell(format!(
                "the table is named with its database, `{schema}`, which is not the one that Prisma replays in"
            ));
        }
        for statement in &step.step.statements {
            if let Some(condition) = condition(&significant(statement.text)) {
                tell(format!("{condition} makes the effect depend on what is there"));
            }
        }
        let executable = match &step.step.action {
            Action::RunAsIs(AsIs::Unread(ClauseError::Lex(error @ LexError::ExecutableComment { .. }))) => Some(error),
            _ => None,
        };
        if let Some(error) = executable {
            tell(error.to_string());
        }
    }
    hits
}

/// Whether it defines a table or an index: what else there is, Prisma does not compare.
fn is_about_a_table(text: &str) -> bool {
    const VERBS: [&str; 5] = ["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"];
    const BETWEEN: [&str; 8] = ["OR", "REPLACE", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "ONLINE", "IGNORE"];
    let tokens = significant(text);
    let is_any = |token: &Token<'_>, words: &[&str]| words.iter().any(|word| token.is_word(word));
    let Some((verb, rest)) = tokens.split_first().filter(|(verb, _)| is_any(verb, &VERBS)) else { return false };
    verb.is_word("TRUNCATE")
        || rest
            .iter()
            .find(|token| !is_any(token, &BETWEEN))
            .is_some_and(|token| is_any(token, &["TABLE", "TABLES", "INDEX"]))
}

fn names_schema(step: &super::StepCase<'_>) -> bool {
    match &step.step.action {
        Action::TableChange(change) | Action::RunAsIs(AsIs::Frame(change)) => change.table.schema.is_some(),
        Action::RunAsIs(AsIs::RenameTable(pairs)) => {
            pairs.iter().any(|(from, to)| from.schema.is_some() || to.schema.is_some())
        }
        Action::RunAsIs(_) => {
            let text = step.step.statements.first().map_or("", |statement| statement.text);
            crate::plan::definition::read_create_table(text).is_some_and(|created| created.table.schema.is_some())
        }
    }
}

/// IF EXISTS and its like in the head of a statement or of a clause; a stored program may have IF of its own.
fn condition(tokens: &[Token<'_>]) -> Option<&'static str> {
    const HEAD: usize = 8;
    let head = &tokens[..tokens.len().min(HEAD)];
    let all = if tokens.first().is_some_and(|token| token.is_word("ALTER")) { tokens } else { head };
    let negated = |three: &[Token<'_>]| three[0].is_word("IF") && three[1].is_word("NOT") && three[2].is_word("EXISTS");
    let plain = |two: &[Token<'_>]| two[0].is_word("IF") && two[1].is_word("EXISTS");
    if all.windows(3).any(negated) {
        return Some("IF NOT EXISTS");
    }
    if all.windows(2).any(plain) {
        return Some("IF EXISTS");
    }
    let replaces = tokens.get(1).is_some_and(|token| token.is_word("OR"));
    (replaces && tokens.first().is_some_and(|token| token.is_word("CREATE"))).then_some("OR REPLACE")
}
