//! What the statements of a script leave in their session: it is lost with the connection, and a deploy that goes on in
//! the middle of a script must have it again. Pure.

use crate::sql::lexer::{Token, TokenKind, leading_tokens};

/// What cannot be brought back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("statement {number} {why}, which was lost with the connection that ran it")]
pub struct Lost {
    /// The statement's number in the file.
    pub number: usize,
    why: &'static str,
}

/// What a session has after the given statements, each with its number.
#[derive(Debug, Default)]
pub struct SessionState<'a> {
    replay: Vec<&'a str>,
    lost: Option<Lost>,
    transaction: Option<usize>,
    locks: Option<usize>,
}

impl<'a> SessionState<'a> {
    /// After these statements.
    pub fn after(statements: impl IntoIterator<Item = (usize, &'a str)>) -> SessionState<'a> {
        let mut state = SessionState::default();
        for (number, text) in statements {
            state.take(number, text);
        }
        state
    }

    /// The statements that give a new session the same state.
    pub fn replayed(self) -> Result<Vec<&'a str>, Lost> {
        let open = self.transaction.map(|number| Lost { number, why: "began a transaction" });
        let locked = self.locks.map(|number| Lost { number, why: "locked tables" });
        match self.lost.or(open).or(locked) {
            Some(lost) => Err(lost),
            None => Ok(self.replay),
        }
    }

    /// Whether a transaction may be open, or every statement does not commit by itself.
    pub fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// The statement that locked tables, when they are still locked.
    pub fn tables_locked_by(&self) -> Option<usize> {
        self.locks
    }

    fn take(&mut self, number: usize, text: &'a str) {
        let all = leading_tokens(text).0;
        let tokens: Vec<&Token<'_>> = all.iter().filter(|token| !token.is_trivia()).collect();
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(word));
        let any = |words: &[&str]| tokens.iter().any(|token| words.iter().any(|word| token.is_word(word)));
        if is(0, "SET") {
            self.take_set(number, text, &tokens);
        } else if is(0, "USE") {
            self.replay.push(text);
        } else if is(0, "BEGIN") || (is(0, "START") && is(1, "TRANSACTION")) || is(0, "XA") {
            self.transaction = Some(number);
            self.locks = None;
        } else if is(0, "COMMIT") || is(0, "ROLLBACK") {
            self.transaction = None;
        } else if is(0, "LOCK") && !is(1, "INSTANCE") {
            (self.transaction, self.locks) = (None, Some(number));
        } else if is(0, "UNLOCK") {
            self.locks = None;
        } else if is(0, "PREPARE") {
            self.lose(number, "prepared a statement");
        } else if is(0, "CREATE") && any(&["TEMPORARY"]) {
            self.lose(number, "made a temporary table");
        } else if ["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"].iter().any(|word| is(0, word)) {
            // They commit what is open.
            self.transaction = None;
        } else if assigns_variable(&tokens) {
            self.lose(number, "set a variable from what it read");
        }
    }

    fn take_set(&mut self, number: usize, text: &'a str, tokens: &[&Token<'_>]) {
        let any = |words: &[&str]| tokens.iter().any(|token| words.iter().any(|word| token.is_word(word)));
        if any(&["GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD"]) {
            if any(&["SESSION", "LOCAL"]) {
                self.lose(number, "set variables of the server and of its session");
            }
            return;
        }
        if any(&["AUTOCOMMIT"]) {
            self.transaction = Some(number);
        }
        if tokens.iter().any(|token| token.kind == TokenKind::LeftParen) {
            self.lose(number, "set a variable to what it computed");
        }
        self.replay.push(text);
    }

    fn lose(&mut self, number: usize, why: &'static str) {
        self.lost.get_or_insert(Lost { number, why });
    }
}

/// `SELECT … INTO @a`, `@a := …`.
fn assigns_variable(tokens: &[&Token<'_>]) -> bool {
    tokens.windows(2).any(|pair| pair[0].is_word("INTO") && pair[1].text.starts_with('@'))
        || tokens.iter().any(|token| token.text == ":=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(statements: &[&str], expected: Result<&[&str], &str>) {
        let numbered = statements.iter().enumerate().map(|(at, text)| (at + 1, *text));
        let found = SessionState::after(numbered).replayed().map_err(|lost| lost.to_string());
        assert_eq!(found, expected.map(<[&str]>::to_vec).map_err(str::to_owned), "{statements:?}");
    }

    #[test]
    fn settings_are_set_again() {
        check(&["CREATE TABLE t (a INT)", "UPDATE t SET a = 1"], Ok(&[]));
        check(
            &["SET foreign_key_checks = 0", "USE other", "SET @a = 1, @b = @a"],
            Ok(&["SET foreign_key_checks = 0", "USE other", "SET @a = 1, @b = @a"]),
        );
        check(&["SET GLOBAL max_connections = 10"], Ok(&[]));
        check(&["BEGIN", "UPDATE t SET a = 1", "COMMIT", "LOCK TABLES t WRITE", "UNLOCK TABLES"], Ok(&[]));
        check(&["BEGIN", "DROP TABLE t"], Ok(&[]));
    }

    #[test]
    fn what_is_lost_is_named() {
        let lost = |number: usize, why: &str| {
            format!("statement {number} {why}, which was lost with the connection that ran it")
        };
        check(&["UPDATE t SET a = 1", "START TRANSACTION", "UPDATE t SET a = 2"], Err(&lost(2, "began a transaction")));
        check(&["SET autocommit = 0"], Err(&lost(1, "began a transaction")));
        check(&["LOCK TABLES t WRITE"], Err(&lost(1, "locked tables")));
        check(&["SET @a = (SELECT MAX(id) FROM t)"], Err(&lost(1, "set a variable to what it computed")));
        check(&["SELECT MAX(id) INTO @a FROM t"], Err(&lost(1, "set a variable from what it read")));
        check(&["SELECT @a := 5"], Err(&lost(1, "set a variable from what it read")));
        check(&["CREATE TEMPORARY TABLE t (a INT)"], Err(&lost(1, "made a temporary table")));
        check(&["PREPARE s FROM 'SELECT 1'"], Err(&lost(1, "prepared a statement")));
    }
}
