//! What a script asks the session about statements that have run in it: another statement in between changes the
//! answer, and a new session has none. Pure.

use crate::sql::executed::executed_tokens;
use crate::sql::lexer::{Token, TokenKind, leading_tokens};
use crate::sql::script::Statement;

/// About the statement before, of whatever kind.
const LAST: [&str; 6] = ["ROW_COUNT", "DIAGNOSTICS", "WARNINGS", "ERRORS", "WARNING_COUNT", "ERROR_COUNT"];
/// About the last query.
const LAST_QUERY: [&str; 1] = ["FOUND_ROWS"];
/// About the last row that was given a number.
const LAST_NUMBER: [&str; 2] = ["LAST_INSERT_ID", "IDENTITY"];

/// Whether a script asks for what the statement before did, which a transaction around that one would hide.
pub fn asks_for_last_statement(script: &str) -> bool {
    let tokens = executed_tokens(&leading_tokens(script).0);
    [&LAST[..], &LAST_QUERY].iter().any(|words| asks_for(&tokens, words).is_some())
}

/// Whether rows may be written to a table that writes them at once, by what the script itself says.
pub fn names_an_engine(script: &str) -> bool {
    let tokens = executed_tokens(&leading_tokens(script).0);
    tokens.iter().enumerate().any(|(at, token)| {
        let value = tokens[at + 1..].iter().find(|token| token.kind != TokenKind::Equals);
        let another = !value.is_some_and(|value| value.is_word("InnoDB"));
        asks_for(&[*token], &["ENGINE"]).is_some() && another
            || asks_for(&[*token], &["DEFAULT_STORAGE_ENGINE", "STORAGE_ENGINE"]).is_some()
            // A statement that is prepared.
            || token.kind == TokenKind::String && token.text.to_ascii_uppercase().contains("ENGINE")
    })
}

/// The first statement of `rest` that asks a new session for what the statements that are done have left in theirs, and
/// the word with which it asks.
pub fn asks_for_lost(done: &[Statement<'_>], rest: &[Statement<'_>]) -> Option<(usize, &'static str)> {
    done.last()?;
    let numbered = done.iter().any(|statement| may_number_rows(statement.text));
    let mut queried = false;
    for (at, statement) in rest.iter().enumerate() {
        let tokens = executed_tokens(&leading_tokens(statement.text).0);
        let last = asks_for(&tokens, &LAST).filter(|_| at == 0);
        let query = asks_for(&tokens, &LAST_QUERY).filter(|_| !queried);
        let number = asks_for(&tokens, &LAST_NUMBER).filter(|_| numbered);
        if let Some(word) = last.or(query).or(number) {
            return Some((statement.number, word));
        }
        queried |= tokens.first().is_some_and(|token| token.is_word("SELECT"));
    }
    None
}

/// Whether LAST_INSERT_ID() may be another one behind a statement.
fn may_number_rows(text: &str) -> bool {
    let tokens = executed_tokens(&leading_tokens(text).0);
    let writes = ["INSERT", "REPLACE", "LOAD", "CALL", "EXECUTE"];
    let any = |token: &Token<'_>| writes.iter().any(|word| token.is_word(word));
    tokens.iter().any(any) || asks_for(&tokens, &["LAST_INSERT_ID", "IDENTITY", "INSERT_ID"]).is_some()
}

/// The word of these which is a function, a keyword or a system variable of the tokens.
fn asks_for(tokens: &[Token<'_>], words: &[&'static str]) -> Option<&'static str> {
    let is = |token: &Token<'_>, word: &str| {
        let name = token.text.strip_prefix("@@").unwrap_or(token.text);
        token.kind == TokenKind::Word && name.eq_ignore_ascii_case(word)
    };
    words.iter().find(|word| tokens.iter().any(|token| is(token, word))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::script::split;

    #[test]
    fn scripts_that_look_back() {
        assert!(asks_for_last_statement("UPDATE t SET a = 1; SET @n = ROW_COUNT();"));
        assert!(asks_for_last_statement("UPDATE t SET a = 1; SELECT @@warning_count"));
        assert!(asks_for_last_statement("UPDATE t SET a = 1; SHOW ERRORS"));
        assert!(!asks_for_last_statement("UPDATE t SET a = 'ROW_COUNT'; -- ROW_COUNT"));
    }

    #[test]
    fn scripts_with_an_engine() {
        assert!(names_an_engine("CREATE TABLE t (a INT) ENGINE=MyISAM"));
        assert!(names_an_engine("CREATE TABLE t (a INT) /*!40101 ENGINE = Aria */"));
        assert!(names_an_engine("SET SESSION default_storage_engine = MyISAM"));
        assert!(names_an_engine("SET @@default_storage_engine = MyISAM"));
        assert!(names_an_engine("PREPARE s FROM 'ALTER TABLE t ENGINE=MyISAM'"));
        assert!(!names_an_engine("CREATE TABLE t (a INT) ENGINE=InnoDB; INSERT INTO t VALUES (1)"));
        assert!(!names_an_engine("UPDATE t SET a = 1"));
    }

    #[track_caller]
    fn check(script: &str, done: usize, expected: Option<(usize, &str)>) {
        let script = split(script);
        let (done, rest) = script.statements.split_at(done);
        assert_eq!(asks_for_lost(done, rest), expected);
    }

    #[test]
    fn what_a_new_session_cannot_answer() {
        let count = "UPDATE t SET a = 1; SET @n = ROW_COUNT(); SELECT 1";
        check(count, 0, None);
        check(count, 1, Some((2, "ROW_COUNT")));
        check(count, 2, None);
        let identity = "INSERT INTO t VALUES (); ALTER TABLE t ADD a INT; SELECT 1; INSERT INTO u VALUES (@@identity)";
        check(identity, 0, None);
        check(identity, 1, Some((4, "IDENTITY")));
        check(identity, 3, Some((4, "IDENTITY")));
        let number = "INSERT INTO t VALUES (); ALTER TABLE t ADD a INT; UPDATE u SET a = LAST_INSERT_ID()";
        check(number, 2, Some((3, "LAST_INSERT_ID")));
        check("ALTER TABLE t ADD a INT; INSERT INTO t VALUES (); UPDATE u SET a = LAST_INSERT_ID()", 1, None);
        check("SELECT a FROM t; ALTER TABLE t ADD a INT; SET @n = FOUND_ROWS()", 2, Some((3, "FOUND_ROWS")));
        check("SELECT a FROM t; SELECT b FROM t; SET @n = FOUND_ROWS()", 1, None);
    }
}
