//! Which tables that are there a statement locks against everybody, by itself and for a moment. Pure.
//!
//! While such a lock is waited for, everybody else who wants the table waits behind it.

use super::assignments::text_behind_settings;
use super::defines::{Kind, defines, name};
use crate::plan::TableRef;
use crate::sql::executed::executed_tokens;
use crate::sql::lexer::{Token, leading_tokens};

/// What a statement locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locked {
    /// These, and it does nothing before it has them.
    Tables(Vec<TableRef>),
    /// The table of this trigger.
    TableOf(TableRef),
    /// These; on a big table it works for long before it needs the lock, and loses that when it does not get it.
    Changed(Vec<TableRef>),
}

/// What a statement locks; `None` for what is not known to lock any table.
pub fn locked_tables(text: &str) -> Option<Locked> {
    let text = text_behind_settings(text).unwrap_or(text);
    let tokens = executed_tokens(&leading_tokens(text).0);
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(word));
    if is(0, "TRUNCATE") {
        let behind: Vec<&Token<'_>> = tokens[if is(1, "TABLE") { 2 } else { 1 }..].iter().collect();
        return name(&behind).map(|(table, _)| Locked::Tables(vec![table]));
    }
    let defined = defines(text)?;
    let kind = defined.objects.first().map(|(kind, _)| *kind)?;
    let mut tables: Vec<TableRef> = defined.objects.into_iter().map(|(_, name)| name).collect();
    let replaces = is(0, "CREATE") && is(1, "OR");
    match kind {
        Kind::Trigger if defined.drops => tables.pop().map(Locked::TableOf),
        Kind::Trigger if is(0, "CREATE") => {
            let table = names_behind(&tokens, "ON").into_iter().next()?;
            Some(Locked::Tables(vec![table]))
        }
        Kind::View => (!is(0, "CREATE") || replaces).then_some(Locked::Tables(tables)),
        Kind::Table if defined.drops || is(0, "RENAME") => Some(Locked::Tables(tables)),
        Kind::Table => {
            let makes = is(0, "CREATE") && tokens.iter().take(4).any(|token| token.is_word("TABLE"));
            // It works through the rows of a query before it needs the lock, and nobody knows how many they are.
            if makes && tokens.iter().any(|token| token.is_word("SELECT")) {
                return None;
            }
            if makes && !replaces {
                tables.clear();
            }
            tables.extend(names_behind(&tokens, "REFERENCES"));
            let locked = if makes { Locked::Tables(tables) } else { Locked::Changed(tables) };
            (locked != Locked::Tables(Vec::new())).then_some(locked)
        }
        _ => None,
    }
}

fn names_behind(tokens: &[Token<'_>], word: &str) -> Vec<TableRef> {
    let behind = |at: usize| {
        let rest: Vec<&Token<'_>> = tokens[at + 1..].iter().take(3).collect();
        name(&rest).map(|(table, _)| table)
    };
    let at = tokens.iter().enumerate().filter(|(_, token)| token.is_word(word));
    at.filter_map(|(at, _)| behind(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let list = |tables: &[TableRef]| tables.iter().map(TableRef::to_string).collect::<Vec<_>>().join(", ");
        let found = match locked_tables(text) {
            None => "-".to_owned(),
            Some(Locked::Tables(tables)) => list(&tables),
            Some(Locked::TableOf(trigger)) => format!("of {trigger}"),
            Some(Locked::Changed(tables)) => format!("{} after work", list(&tables)),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn statements_and_the_tables_they_lock() {
        check("-- c\nRENAME TABLE a TO b, s.c TO d", "`a`, `b`, `s`.`c`, `d`");
        check("DROP TABLE IF EXISTS a, b", "`a`, `b`");
        check("TRUNCATE TABLE a", "`a`");
        check("SET STATEMENT max_statement_time = 1 FOR TRUNCATE s.a", "`s`.`a`");
        check("CREATE TRIGGER x BEFORE INSERT ON a FOR EACH ROW SET NEW.b = 1", "`a`");
        check("DROP TRIGGER IF EXISTS s.x", "of `s`.`x`");
        check("CREATE TABLE a (id INT, CONSTRAINT f FOREIGN KEY (id) REFERENCES `p`(id))", "`p`");
        check("CREATE TABLE a (id INT)", "-");
        check("CREATE TABLE a (id INT REFERENCES s.p (id)) AS SELECT 1 AS id", "-");
        check("CREATE OR REPLACE TABLE a (id INT)", "`a`");
        check("CREATE UNIQUE INDEX `TABLE` ON a (b)", "`a` after work");
        check("ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES p (id)", "`a`, `p` after work");
        check("CREATE INDEX i ON a (b)", "`a` after work");
        check("DROP INDEX i ON a", "`a` after work");
        check("CREATE OR REPLACE VIEW v AS SELECT 1", "`v`");
        check("DROP VIEW v", "`v`");
        check("CREATE VIEW v AS SELECT 1", "-");
        check("DROP TEMPORARY TABLE a", "-");
        check("CREATE PROCEDURE p() SELECT 1", "-");
        check("UPDATE a SET b = 1", "-");
        check("DROP TABLE", "-");
        check("TRUNCATE", "-");
    }
}
