//! Which objects a statement defines, alters or drops: where it can be seen afterwards whether it has happened. Pure.

use serde::{Deserialize, Serialize};

use crate::plan::{Statement, TableRef, read_statement};
use crate::sql::Ident;
use crate::sql::lexer::{Token, TokenKind, leading_tokens};

/// What SHOW CREATE can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A base table.
    Table,
    /// A view.
    View,
    /// A trigger.
    Trigger,
    /// A stored procedure.
    Procedure,
    /// A stored function.
    Function,
    /// An event of the scheduler.
    Event,
}

/// What a statement says of its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defines {
    /// They are gone afterwards.
    pub drops: bool,
    /// The objects; without a schema they are in the session's.
    pub objects: Vec<(Kind, TableRef)>,
}

impl Kind {
    /// The word in SHOW CREATE and elsewhere.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Table => "TABLE",
            Kind::View => "VIEW",
            Kind::Trigger => "TRIGGER",
            Kind::Procedure => "PROCEDURE",
            Kind::Function => "FUNCTION",
            Kind::Event => "EVENT",
        }
    }

    fn of(token: &Token<'_>) -> Option<Kind> {
        let all = [Kind::Table, Kind::View, Kind::Trigger, Kind::Procedure, Kind::Function, Kind::Event];
        all.into_iter().find(|kind| token.is_word(kind.word()))
    }
}

/// Words between CREATE and the kind of object, `DEFINER = a@b` and the like, are fewer than this.
const LONGEST_PREAMBLE: usize = 24;

/// The objects of a statement; `None` when it defines nothing that is known, or only something temporary.
pub fn defines(text: &str) -> Option<Defines> {
    if let Ok(Statement::CreateIndex(change) | Statement::DropIndex(change)) = read_statement(text) {
        return Some(Defines { drops: false, objects: vec![(Kind::Table, change.table)] });
    }
    let all = leading_tokens(text).0;
    let tokens: Vec<&Token<'_>> = all.iter().filter(|token| !token.is_trivia()).collect();
    let (first, rest) = tokens.split_first()?;
    let drops = first.is_word("DROP");
    if first.is_word("RENAME") && rest.first().is_some_and(|token| token.is_word("TABLE") || token.is_word("TABLES")) {
        let objects = names(&rest[1..], &["TO"]).into_iter().map(|name| (Kind::Table, name)).collect();
        return Some(Defines { drops: false, objects });
    }
    if !(drops || first.is_word("CREATE") || first.is_word("ALTER")) {
        return None;
    }
    let (at, kind) =
        rest.iter().take(LONGEST_PREAMBLE).enumerate().find_map(|(at, token)| Some((at, Kind::of(token)?)))?;
    if rest[..at].iter().any(|token| token.is_word("TEMPORARY")) {
        return None;
    }
    let mut behind = &rest[at + 1..];
    while behind.first().is_some_and(|token| ["IF", "NOT", "EXISTS"].iter().any(|word| token.is_word(word))) {
        behind = &behind[1..];
    }
    let mut named = names(behind, &[]);
    if !drops {
        named.truncate(1);
    }
    if first.is_word("ALTER")
        && let Some(to) = renamed_to(behind)
    {
        named.push(to);
    }
    (!named.is_empty()).then(|| Defines { drops, objects: named.into_iter().map(|name| (kind, name)).collect() })
}

/// Names in a list, separated by commas or by one of the words.
fn names(tokens: &[&Token<'_>], separators: &[&str]) -> Vec<TableRef> {
    let mut names = Vec::new();
    let mut rest = tokens;
    while let Some((name, behind)) = name(rest) {
        names.push(name);
        let separated = behind
            .first()
            .is_some_and(|token| token.kind == TokenKind::Comma || separators.iter().any(|word| token.is_word(word)));
        if !separated {
            break;
        }
        rest = &behind[1..];
    }
    names
}

/// The name that tokens begin with, and what is behind it.
pub(super) fn name<'t, 'a>(tokens: &'t [&'t Token<'a>]) -> Option<(TableRef, &'t [&'t Token<'a>])> {
    let first: Ident = tokens.first()?.ident()?;
    if tokens.get(1).is_some_and(|token| token.kind == TokenKind::Period) {
        let second = tokens.get(2)?.ident()?;
        return Some((TableRef { schema: Some(first), table: second }, &tokens[3..]));
    }
    Some((TableRef { schema: None, table: first }, &tokens[1..]))
}

/// The name behind `RENAME TO` among the clauses of an ALTER.
fn renamed_to(tokens: &[&Token<'_>]) -> Option<TableRef> {
    let at = tokens.windows(2).position(|pair| pair[0].is_word("RENAME") && pair[1].is_word("TO"))?;
    name(&tokens[at + 2..]).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = defines(text).map_or_else(
            || "-".to_owned(),
            |defines| {
                let objects: Vec<String> =
                    defines.objects.iter().map(|(kind, name)| format!("{} {name}", kind.word())).collect();
                format!("{}{}", if defines.drops { "drops " } else { "" }, objects.join(", "))
            },
        );
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn statements_and_their_objects() {
        check("-- c\nCREATE TABLE IF NOT EXISTS `a`.`b` (id INT)", "TABLE `a`.`b`");
        check("CREATE TEMPORARY TABLE t (id INT)", "-");
        check("ALTER TABLE t ADD x INT, RENAME TO u", "TABLE `t`, TABLE `u`");
        check("ALTER TABLE t ADD x INT", "TABLE `t`");
        check("DROP TABLE IF EXISTS a, b.c", "drops TABLE `a`, TABLE `b`.`c`");
        check("RENAME TABLE a TO b, c TO d", "TABLE `a`, TABLE `b`, TABLE `c`, TABLE `d`");
        check("CREATE UNIQUE INDEX i ON t(a)", "TABLE `t`");
        check("DROP INDEX i ON t", "TABLE `t`");
        check("CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`%` SQL SECURITY INVOKER VIEW v AS SELECT 1", "VIEW `v`");
        check("CREATE DEFINER = CURRENT_USER TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET @a = 1", "TRIGGER `t`");
        check("CREATE PROCEDURE p() BEGIN SELECT 1; END", "PROCEDURE `p`");
        check("DROP FUNCTION IF EXISTS f", "drops FUNCTION `f`");
        check("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1", "EVENT `e`");
        check("CREATE USER 'a'@'%'", "-");
        check("UPDATE t SET a = 1", "-");
        check("SET @a = 1", "-");
    }
}
