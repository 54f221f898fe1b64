//! Which tables a statement works through row by row, and whose rows it changes. Pure.
//!
//! Names are taken wherever a table may stand, so a column behind FROM in a function is taken for a table; no such
//! table is there then, and nothing follows from it.

use crate::deploy::step::{Action, AsIs, Step};
use crate::plan::TableRef;
use crate::sql::lexer::{Token, TokenKind, significant};

/// The rows that a statement works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowWork {
    /// What the statement does, in upper case: `UPDATE`, `CREATE … AS SELECT`.
    pub(super) verb: &'static str,
    /// The tables it works through.
    pub(super) through: Vec<TableRef>,
    /// The tables whose rows it changes or may change.
    pub(super) written: Vec<TableRef>,
    /// Whether WHERE, ON or LIMIT may keep it from working on all rows, or it is not about the rows that are there.
    pub(super) is_bounded: bool,
}

/// The row work of a step; `None` when it has none.
pub(super) fn row_work(step: &Step<'_>) -> Option<RowWork> {
    match &step.action {
        Action::RunAsIs(AsIs::Other) => read(step.statements.first()?.text),
        _ => None,
    }
}

/// Whether a step runs statements that are not in the file: a stored procedure's, or a prepared one's.
pub(super) fn is_hidden(step: &Step<'_>) -> bool {
    let text = step.statements.first().map_or("", |statement| statement.text);
    significant(text).first().is_some_and(|token| token.is_word("CALL") || token.is_word("EXECUTE"))
}

fn read(text: &str) -> Option<RowWork> {
    let tokens = significant(text);
    let verb_at = if tokens.first()?.is_word("WITH") { verb_behind_with(&tokens)? } else { 0 };
    let is = |word: &str| tokens[verb_at].is_word(word);
    let has = |word: &str| top_level(&tokens, verb_at).any(|token| token.is_word(word));
    let is_bounded = has("WHERE") || has("LIMIT");
    let through = tables(&tokens);
    if is("UPDATE") {
        let end = top_level_at(&tokens, verb_at, "SET")?;
        return Some(RowWork { verb: "UPDATE", through, written: tables(&tokens[verb_at..end]), is_bounded });
    }
    if is("DELETE") {
        let end = top_level_at(&tokens, verb_at, "WHERE").unwrap_or(tokens.len());
        let written = tables(&tokens[verb_at..end]);
        // What is deleted by a join is what has a partner; an UPDATE by one is how all rows are filled.
        return Some(RowWork { verb: "DELETE", through, written, is_bounded: is_bounded || has("ON") });
    }
    if is("INSERT") || is("REPLACE") {
        let verb = if is("INSERT") { "INSERT" } else { "REPLACE" };
        let written = target(&tokens, verb_at).into_iter().collect::<Vec<_>>();
        // The rows of VALUES are few; those of a SELECT are not.
        let selects = tokens.iter().any(|token| token.is_word("SELECT"));
        let through = if selects { through } else { Vec::new() };
        return Some(RowWork { verb, through, written, is_bounded });
    }
    if is("LOAD") {
        let written: Vec<TableRef> = top_level_at(&tokens, 0, "TABLE")
            .and_then(|at| TableRef::read(&tokens[at + 1..]))
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        return Some(RowWork { verb: "LOAD", through: written.clone(), written, is_bounded: true });
    }
    if is("TRUNCATE") {
        let at = if tokens.get(1).is_some_and(|token| token.is_word("TABLE")) { 2 } else { 1 };
        let written = TableRef::read(tokens.get(at..)?).into_iter().map(|(name, _)| name).collect();
        return Some(RowWork { verb: "TRUNCATE", through: Vec::new(), written, is_bounded: true });
    }
    let makes_table = is("CREATE") && tokens.iter().take(5).any(|token| token.is_word("TABLE"));
    if makes_table && tokens.iter().any(|token| token.is_word("SELECT")) {
        // The rows of a CREATE TABLE with columns of its own come from a SELECT too, as long as there is one outside
        // of a column's expression.
        top_level_at(&tokens, 0, "SELECT")?;
        return Some(RowWork { verb: "CREATE … AS SELECT", through, written: Vec::new(), is_bounded });
    }
    None
}

/// The verb behind the common table expressions.
fn verb_behind_with(tokens: &[Token<'_>]) -> Option<usize> {
    let verbs = ["UPDATE", "DELETE", "INSERT", "REPLACE"];
    let mut depth = 0_usize;
    tokens.iter().position(|token| {
        match token.kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && verbs.iter().any(|verb| token.is_word(verb))
    })
}

fn target(tokens: &[Token<'_>], verb_at: usize) -> Option<TableRef> {
    const NOISE: [&str; 5] = ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"];
    let rest = &tokens[verb_at + 1..];
    let start = rest.iter().position(|token| !NOISE.iter().any(|word| token.is_word(word)))?;
    TableRef::read(&rest[start..]).map(|(name, _)| name)
}

/// The names that stand where tables stand, each once.
fn tables(tokens: &[Token<'_>]) -> Vec<TableRef> {
    const BEFORE: [&str; 5] = ["FROM", "JOIN", "STRAIGHT_JOIN", "UPDATE", "USING"];
    const NOISE: [&str; 4] = ["LOW_PRIORITY", "IGNORE", "LATERAL", "QUICK"];
    const BEHIND: [&str; 14] = [
        "SET",
        "WHERE",
        "ON",
        "USING",
        "JOIN",
        "INNER",
        "LEFT",
        "RIGHT",
        "CROSS",
        "NATURAL",
        "ORDER",
        "GROUP",
        "LIMIT",
        "STRAIGHT_JOIN",
    ];
    let mut found: Vec<TableRef> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if !BEFORE.iter().any(|word| token.is_word(word)) {
            continue;
        }
        let mut rest = &tokens[at + 1..];
        loop {
            while rest
                .first()
                .is_some_and(|token| token.kind == TokenKind::LeftParen || NOISE.iter().any(|word| token.is_word(word)))
            {
                rest = &rest[1..];
            }
            if rest.first().is_none_or(|token| token.is_word("SELECT")) {
                break;
            }
            let Some((table, behind)) = TableRef::read(rest) else { break };
            if !found.contains(&table) {
                found.push(table);
            }
            rest = behind;
            // An alias.
            if rest.first().is_some_and(|token| token.is_word("AS")) {
                rest = &rest[1..];
            }
            let is_alias =
                |token: &Token<'_>| token.ident().is_some() && !BEHIND.iter().any(|word| token.is_word(word));
            if rest.first().is_some_and(is_alias) {
                rest = &rest[1..];
            }
            match rest.first() {
                Some(comma) if comma.kind == TokenKind::Comma => rest = &rest[1..],
                _ => break,
            }
        }
    }
    found
}

fn top_level<'t, 'a>(tokens: &'t [Token<'a>], start: usize) -> impl Iterator<Item = &'t Token<'a>> {
    let mut depth = 0_usize;
    tokens[start..].iter().filter(move |token| {
        match token.kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })
}

fn top_level_at(tokens: &[Token<'_>], start: usize, word: &str) -> Option<usize> {
    let found = top_level(tokens, start).find(|token| token.is_word(word))?.start;
    tokens.iter().position(|token| token.start == found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = read(text).map_or_else(
            || "-".to_owned(),
            |work| {
                let list = |tables: &[TableRef]| tables.iter().map(|t| t.table.as_str()).collect::<Vec<_>>().join(" ");
                let bounded = if work.is_bounded { "some" } else { "all" };
                format!("{} {bounded}: {} > {}", work.verb, list(&work.through), list(&work.written))
            },
        );
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn statements_and_the_rows_they_work_on() {
        check("UPDATE a SET b = 1", "UPDATE all: a > a");
        check("UPDATE a SET b = 1 WHERE id = 5", "UPDATE some: a > a");
        check("UPDATE a SET b = (SELECT x FROM c WHERE c.id = 1)", "UPDATE all: a c > a");
        check("UPDATE LOW_PRIORITY a x, s.b AS y SET x.c = y.c", "UPDATE all: a b > a b");
        check("UPDATE a JOIN b ON a.id = b.id SET a.c = b.c WHERE b.d", "UPDATE some: a b > a b");
        check("WITH w AS (SELECT id FROM b) UPDATE a JOIN w ON w.id = a.id SET c = 1", "UPDATE all: b a w > a w");
        check("DELETE FROM a", "DELETE all: a > a");
        check("DELETE x FROM a x JOIN b ON x.id = b.id WHERE b.c", "DELETE some: a b > a b");
        check("DELETE x FROM a x JOIN a y ON x.id > y.id", "DELETE some: a > a");
        check("DELETE FROM a ORDER BY id LIMIT 10", "DELETE some: a > a");
        check("INSERT INTO a VALUES (1)", "INSERT all:  > a");
        check("INSERT INTO a (b) SELECT c FROM d WHERE e", "INSERT some: d > a");
        check("REPLACE a SELECT * FROM d", "REPLACE all: d > a");
        check("LOAD DATA LOCAL INFILE 'x' INTO TABLE a", "LOAD some: a > a");
        check("TRUNCATE a", "TRUNCATE some:  > a");
        check("CREATE TABLE a AS SELECT * FROM b", "CREATE … AS SELECT all: b > ");
        check("CREATE TEMPORARY TABLE a (id INT) SELECT * FROM b WHERE c", "CREATE … AS SELECT some: b > ");
        check("CREATE TABLE a (id INT)", "-");
        check("CREATE VIEW a AS SELECT * FROM b", "-");
        check("SELECT * FROM a", "-");
        check("UPDATE", "-");
    }
}
