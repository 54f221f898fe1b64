//! Which table a statement is about, as far as a plan has to know. Pure.

use super::row_work;
use crate::deploy::step::{Action, AsIs, Step};
use crate::plan::TableRef;
use crate::sql::lexer::{Token, TokenKind, significant};

/// What a step does to which tables, beyond changing one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// It makes a table; whether it leaves one that is there alone.
    Creates(TableRef, bool),
    /// It drops tables.
    Drops(Vec<TableRef>),
    /// It renames tables, in order.
    Renames(Vec<(TableRef, TableRef)>),
    /// It changes or uses a table.
    Uses(TableRef),
    /// It runs statements that are not in the file.
    Hidden,
    /// No table, or none that is known.
    Nothing,
}

impl Subject {
    /// The subject of a step.
    pub fn of(step: &Step<'_>) -> Subject {
        match &step.action {
            Action::TableChange(change) | Action::RunAsIs(AsIs::Frame(change)) => Subject::Uses(change.table.clone()),
            Action::RunAsIs(AsIs::RenameTable(pairs)) => Subject::Renames(pairs.clone()),
            Action::RunAsIs(_) if row_work::is_hidden(step) => Subject::Hidden,
            Action::RunAsIs(_) => step.statements.first().map_or(Subject::Nothing, |statement| read(statement.text)),
        }
    }

    /// Every table it names.
    pub fn tables(&self) -> Vec<&TableRef> {
        match self {
            Subject::Creates(table, _) | Subject::Uses(table) => vec![table],
            Subject::Drops(tables) => tables.iter().collect(),
            Subject::Renames(pairs) => pairs.iter().flat_map(|(from, to)| [from, to]).collect(),
            Subject::Hidden | Subject::Nothing => Vec::new(),
        }
    }
}

fn read(text: &str) -> Subject {
    let tokens = significant(text);
    let words = |words: &[&str]| {
        tokens.len() > words.len()
            && tokens.iter().zip(words).all(|(token, word)| word.is_empty() || token.is_word(word))
    };
    let uses = |at: usize| TableRef::read(&tokens[at..]).map_or(Subject::Nothing, |(table, _)| Subject::Uses(table));
    if words(&["CREATE", "TEMPORARY"]) || words(&["DROP", "TEMPORARY"]) {
        return Subject::Nothing;
    }
    for (head, length) in [(&["CREATE", "TABLE"][..], 2), (&["CREATE", "OR", "REPLACE", "TABLE"], 4)] {
        if words(head) {
            let at = behind_condition(&tokens, length);
            let created = TableRef::read(&tokens[at..]).map(|(table, _)| Subject::Creates(table, at > length));
            return created.unwrap_or(Subject::Nothing);
        }
    }
    if words(&["DROP", "TABLE"]) || words(&["DROP", "TABLES"]) {
        return Subject::Drops(names(&tokens[behind_condition(&tokens, 2)..]));
    }
    if words(&["ALTER"]) {
        let at = tokens.iter().position(|token| token.is_word("TABLE"));
        return at.map_or(Subject::Nothing, |at| uses(behind_condition(&tokens, at + 1)));
    }
    if words(&["CREATE"]) || words(&["DROP"]) {
        let is_trigger = tokens.iter().take(12).any(|token| token.is_word("TRIGGER") || token.is_word("INDEX"));
        let on = tokens.iter().position(|token| token.is_word("ON"));
        return on.filter(|_| is_trigger).map_or(Subject::Nothing, |at| uses(at + 1));
    }
    if words(&["TRUNCATE"]) || words(&["OPTIMIZE"]) || words(&["REPAIR"]) || words(&["ANALYZE"]) || words(&["LOCK"]) {
        let table = |token: &Token<'_>| token.is_word("TABLE") || token.is_word("TABLES");
        let at = tokens.iter().take(3).position(table).map_or(1, |at| at + 1);
        return uses(at);
    }
    if words(&["UPDATE"]) {
        return uses(behind(&tokens, 1, &["LOW_PRIORITY", "IGNORE"]));
    }
    if words(&["DELETE"]) {
        return uses(behind(&tokens, 1, &["LOW_PRIORITY", "QUICK", "IGNORE", "FROM"]));
    }
    if words(&["INSERT"]) || words(&["REPLACE"]) {
        // The rows of VALUES are few; those of a SELECT are not.
        let selects = tokens.iter().any(|token| token.is_word("SELECT"));
        let at = behind(&tokens, 1, &["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"]);
        return if selects { uses(at) } else { Subject::Nothing };
    }
    Subject::Nothing
}

fn behind_condition(tokens: &[Token<'_>], at: usize) -> usize {
    behind(tokens, at, &["IF", "NOT", "EXISTS"])
}

fn behind(tokens: &[Token<'_>], mut at: usize, words: &[&str]) -> usize {
    while tokens.get(at).is_some_and(|token| words.iter().any(|word| token.is_word(word))) {
        at += 1;
    }
    at.min(tokens.len())
}

fn names(mut tokens: &[Token<'_>]) -> Vec<TableRef> {
    let mut names = Vec::new();
    while let Some((table, rest)) = TableRef::read(tokens) {
        names.push(table);
        match rest.split_first() {
            Some((comma, behind)) if comma.kind == TokenKind::Comma => tokens = behind,
            _ => break,
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Ident;

    fn table(name: &str) -> TableRef {
        match name.split_once('.') {
            Some((schema, table)) => TableRef { schema: Some(Ident::new(schema)), table: Ident::new(table) },
            None => TableRef { schema: None, table: Ident::new(name) },
        }
    }

    #[test]
    fn statements_are_about_their_table() {
        for (text, expected) in [
            ("CREATE TABLE `a` (id INT)", Subject::Creates(table("a"), false)),
            ("CREATE TABLE IF NOT EXISTS s.a (id INT)", Subject::Creates(table("s.a"), true)),
            ("-- DropTable\nDROP TABLE `a`, s.b", Subject::Drops(vec![table("a"), table("s.b")])),
            ("DROP TABLE IF EXISTS a", Subject::Drops(vec![table("a")])),
            ("UPDATE IGNORE `a` SET b = 1", Subject::Uses(table("a"))),
            ("DELETE FROM s.a WHERE b", Subject::Uses(table("s.a"))),
            ("INSERT INTO a SELECT * FROM b", Subject::Uses(table("a"))),
            ("INSERT INTO a VALUES (1)", Subject::Nothing),
            ("TRUNCATE TABLE a", Subject::Uses(table("a"))),
            ("TRUNCATE a", Subject::Uses(table("a"))),
            ("OPTIMIZE LOCAL TABLE a", Subject::Uses(table("a"))),
            ("CREATE TRIGGER x BEFORE INSERT ON a FOR EACH ROW SET NEW.b = 1", Subject::Uses(table("a"))),
            ("CREATE VIEW v AS SELECT 1", Subject::Nothing),
            ("SELECT 1", Subject::Nothing),
            ("UPDATE", Subject::Nothing),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
