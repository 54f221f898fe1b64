//! What the statements of a script leave in their session: it is lost with the connection, and a deploy that goes on in
//! the middle of a script must have it again. Pure.

use super::assignments::{Scope, assignments, behind_settings};
use crate::sql::executed::executed_tokens;
use crate::sql::lexer::{Token, leading_tokens};

/// What cannot be brought back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("statement {number} {why}, which was lost with the connection that ran it")]
pub struct Lost {
    /// The statement's number in the file.
    pub number: usize,
    why: &'static str,
}

/// The number, where it is a statement of an earlier migration, which a session has in common with this one.
pub const EARLIER: usize = 0;

/// What a session has after the given statements, each with its number.
#[derive(Debug, Clone, Default)]
pub struct SessionState<'a> {
    replay: Vec<&'a str>,
    /// `SET TRANSACTION`, which is for the next transaction only.
    next_transaction: Option<&'a str>,
    lost: Option<Lost>,
    transaction: Option<usize>,
    autocommit_off: bool,
    locks: Option<usize>,
    waits_as_told: bool,
    sets_server: bool,
    reads_variables: Option<usize>,
}

impl<'a> SessionState<'a> {
    /// After these statements.
    pub fn after(statements: impl IntoIterator<Item = (usize, &'a str)>) -> SessionState<'a> {
        let mut state = SessionState::default();
        for (number, text) in statements {
            state.take_statement(number, text);
        }
        state
    }

    /// After one more statement.
    pub fn take_statement(&mut self, number: usize, text: &'a str) {
        let tokens = executed_tokens(&leading_tokens(text).0);
        match behind_settings(&tokens) {
            // The settings hold for that statement alone.
            Some(behind) => self.take(number, None, behind),
            None => self.take(number, Some(text), &tokens),
        }
    }

    /// The statements that give a new session the same state.
    pub fn replayed(&self) -> Result<Vec<&'a str>, Lost> {
        let open = self.uncommitted();
        let locked = self.locks.map(|number| Lost { number, why: "locked tables" });
        let read = self.reads_variables.filter(|_| self.sets_server);
        let read = read.map(|number| Lost { number, why: "kept a variable that the script changes" });
        match self.lost.clone().or(open).or(locked).or(read) {
            Some(lost) => Err(lost),
            None => Ok(self.replay.iter().copied().chain(self.next_transaction).collect()),
        }
    }

    /// Whether a transaction may be open, or statements do not commit by themselves.
    pub fn in_transaction(&self) -> bool {
        self.transaction.is_some() || self.autocommit_off
    }

    /// What would be lost with the connection after the last statement.
    pub fn uncommitted(&self) -> Option<Lost> {
        self.transaction.map(|number| Lost { number, why: "began a transaction" })
    }

    /// After a COMMIT.
    pub fn commit(&mut self) {
        self.transaction = None;
    }

    /// What the next migration finds in the same session, as far as it decides how statements are run.
    pub fn for_next_migration(&self) -> SessionState<'static> {
        let locks = self.locks.map(|_| EARLIER);
        let (autocommit_off, waits_as_told) = (self.autocommit_off, self.waits_as_told);
        SessionState { autocommit_off, waits_as_told, locks, ..SessionState::default() }
    }

    /// Whether a script has said by itself how long to wait for tables.
    pub fn waits_as_told(&self) -> bool {
        self.waits_as_told
    }

    /// The statement that locked tables, when they are still locked.
    pub fn tables_locked_by(&self) -> Option<usize> {
        self.locks
    }

    /// Without a text the statement is not run again.
    fn take(&mut self, number: usize, text: Option<&'a str>, tokens: &[Token<'_>]) {
        if tokens.is_empty() {
            return;
        }
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(word));
        let first = |words: &[&str]| words.iter().any(|word| is(0, word));
        let any = |words: &[&str]| tokens.iter().any(|token| words.iter().any(|word| token.is_word(word)));
        if is(0, "SET") {
            return self.take_set(number, text, tokens);
        }
        self.next_transaction = None;
        if is(0, "USE") {
            self.again(number, text);
        } else if is(0, "BEGIN") && is(1, "NOT") || first(&["IF", "CASE", "LOOP", "REPEAT", "WHILE", "FOR"]) {
            self.lose(number, "ran a compound statement");
        } else if is(0, "BEGIN") || (is(0, "START") && is(1, "TRANSACTION")) || is(0, "XA") {
            self.transaction = Some(number);
            self.locks = None;
        } else if first(&["COMMIT", "ROLLBACK"]) {
            let chained = any(&["CHAIN"]) && !any(&["NO"]);
            if !any(&["TO"]) {
                self.transaction = chained.then_some(number);
            }
        } else if is(0, "LOCK") && !is(1, "INSTANCE") || is(0, "FLUSH") && any(&["LOCK", "EXPORT"]) {
            (self.transaction, self.locks) = (None, Some(number));
        } else if is(0, "UNLOCK") {
            self.locks = None;
        } else if is(0, "PREPARE") {
            self.lose(number, "prepared a statement");
        } else if is(0, "CREATE") && any(&["TEMPORARY"]) {
            self.lose(number, "made a temporary table");
        } else if first(&["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"]) {
            // They commit what is open.
            self.transaction = None;
        } else {
            if first(&["CALL", "EXECUTE"]) {
                self.lose(number, "ran what may have changed its session");
            } else if any(&["GET_LOCK"]) {
                self.lose(number, "took a named lock");
            } else if is(0, "GET") || assigns_variable(tokens) {
                self.lose(number, "set a variable from what it read");
            }
            if self.autocommit_off {
                self.transaction.get_or_insert(number);
            }
        }
    }

    fn take_set(&mut self, number: usize, text: Option<&'a str>, tokens: &[Token<'_>]) {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(word));
        if is(1, "PASSWORD") || is(1, "DEFAULT") {
            return;
        }
        let all = assignments(&tokens[1..]);
        let of_server = all.iter().filter(|one| one.scope == Scope::Global).count();
        self.sets_server |= of_server > 0;
        if of_server == all.len() {
            return;
        }
        if of_server > 0 {
            self.lose(number, "set variables of the server and of its session");
        }
        if is(1, "TRANSACTION") {
            self.next_transaction = text;
            return;
        }
        for one in &all {
            if one.scope == Scope::Session && one.is("AUTOCOMMIT") {
                self.set_autocommit(one.value);
            }
            self.waits_as_told |= one.scope == Scope::Session && one.is("LOCK_WAIT_TIMEOUT");
            if one.is_computed() {
                self.lose(number, "set a variable to what it computed");
            }
            if one.reads_variables() {
                self.reads_variables.get_or_insert(number);
            }
        }
        self.again(number, text);
    }

    fn set_autocommit(&mut self, value: &[Token<'_>]) {
        let on = matches!(value, [only] if ["1", "ON", "TRUE"]
            .iter()
            .any(|on| only.text.trim_matches(['\'', '"']).eq_ignore_ascii_case(on)));
        if on && self.autocommit_off {
            // This commits what is open.
            self.transaction = None;
        }
        self.autocommit_off = !on;
    }

    fn again(&mut self, number: usize, text: Option<&'a str>) {
        match text {
            Some(text) => self.replay.push(text),
            None => self.lose(number, "changed its session"),
        }
    }

    fn lose(&mut self, number: usize, why: &'static str) {
        self.lost.get_or_insert(Lost { number, why });
    }
}

/// `SELECT … INTO @a`, `@a := …`, `LOAD DATA … (@a)`.
fn assigns_variable(tokens: &[Token<'_>]) -> bool {
    let names_variable = tokens.iter().any(|token| token.text.starts_with('@'));
    tokens.windows(2).any(|pair| pair[0].is_word("INTO") && pair[1].text.starts_with('@'))
        || tokens.first().is_some_and(|token| token.is_word("LOAD")) && names_variable
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
    fn autocommit_lasts_until_it_is_set_again() {
        let lost = |number: usize| {
            Err(format!("statement {number} began a transaction, which was lost with the connection that ran it"))
        };
        let (off, on, update) = ("SET autocommit = 0", "SET @@session.autocommit = ON", "UPDATE t SET a = 1");
        let after = |statements: &[&'static str]| {
            SessionState::after(statements.iter().enumerate().map(|(at, text)| (at + 1, *text)))
        };
        let replayed = |statements: &[&'static str]| {
            after(statements).replayed().map(|texts| texts.len()).map_err(|lost| lost.to_string())
        };
        for ends in ["COMMIT", "ROLLBACK", "DROP TABLE u"] {
            assert!(after(&[off, update, ends]).in_transaction(), "{ends}");
            assert_eq!(replayed(&[off, update, ends]), Ok(1), "{ends}");
            assert_eq!(replayed(&[off, update, ends, update]), lost(4), "{ends}");
        }
        assert_eq!(replayed(&[off, update]), lost(2));
        assert_eq!(replayed(&[off, update, on, update]), Ok(2));
        assert!(!after(&[off, on]).in_transaction());
        assert!(!after(&[on]).in_transaction());
        assert!(after(&["SET GLOBAL autocommit = 1", "BEGIN", on]).in_transaction());
        assert!(!after(&["SET GLOBAL autocommit = 0"]).in_transaction());
        assert!(after(&["BEGIN", "SAVEPOINT s", "ROLLBACK TO s"]).in_transaction());
        assert!(after(&["BEGIN", "COMMIT AND CHAIN"]).in_transaction());
        assert!(!after(&["BEGIN", "COMMIT AND NO CHAIN"]).in_transaction());
    }

    #[test]
    fn the_next_migration_has_the_same_session() {
        let after = |text: &'static str| SessionState::after([(3, text)]).for_next_migration();
        assert!(after("SET autocommit = 0").in_transaction());
        assert!(!after("BEGIN").in_transaction(), "it is committed before the next one begins");
        assert!(after("SET SESSION lock_wait_timeout = 5").waits_as_told());
        assert!(!after("SET @a = @@lock_wait_timeout").waits_as_told());
        assert_eq!(after("LOCK TABLES t WRITE").tables_locked_by(), Some(EARLIER));
        let mut next = after("SET autocommit = 0");
        next.take_statement(1, "UPDATE t SET a = 1");
        assert_eq!(next.uncommitted().map(|lost| lost.number), Some(1));
        next.take_statement(2, "SET autocommit = 1");
        assert!(!next.in_transaction());
    }

    #[test]
    fn settings_of_one_statement_are_not_set_again() {
        check(&["SET STATEMENT max_statement_time = 1 FOR UPDATE t SET a = 1"], Ok(&[]));
        check(&["SET TRANSACTION READ ONLY", "SELECT 1"], Ok(&[]));
        check(&["SET TRANSACTION READ ONLY"], Ok(&["SET TRANSACTION READ ONLY"]));
        check(&["/*!40101 SET NAMES utf8 */"], Ok(&["/*!40101 SET NAMES utf8 */"]));
        check(&["SET GLOBAL a = 1, @@global.b = 2"], Ok(&[]));
    }

    #[test]
    fn what_is_lost_is_named() {
        let lost = |number: usize, why: &str| {
            format!("statement {number} {why}, which was lost with the connection that ran it")
        };
        check(&["UPDATE t SET a = 1", "START TRANSACTION", "UPDATE t SET a = 2"], Err(&lost(2, "began a transaction")));
        check(&["SET STATEMENT a = 1 FOR SET b = 2"], Err(&lost(1, "changed its session")));
        let unknown = "ran what may have changed its session";
        check(&["CALL p()"], Err(&lost(1, unknown)));
        check(&["EXECUTE s"], Err(&lost(1, unknown)));
        check(&["BEGIN NOT ATOMIC SET @a = 1; END"], Err(&lost(1, "ran a compound statement")));
        check(&["GET DIAGNOSTICS @n = ROW_COUNT"], Err(&lost(1, "set a variable from what it read")));
        check(&["LOAD DATA INFILE 'f' INTO TABLE t (a, @b)"], Err(&lost(1, "set a variable from what it read")));
        for value in ["@@identity", "LAST_INSERT_ID()", "CURRENT_TIMESTAMP", "f()", "NEXT VALUE FOR s"] {
            check(&[&format!("SET @x = {value}")], Err(&lost(1, "set a variable to what it computed")));
        }
        check(
            &["SET @old = @@max_connections", "SET GLOBAL max_connections = 9"],
            Err(&lost(1, "kept a variable that the script changes")),
        );
        check(&["SELECT GET_LOCK('a', 1)"], Err(&lost(1, "took a named lock")));
        check(&["LOCK TABLES t WRITE"], Err(&lost(1, "locked tables")));
        check(&["SET @a = (SELECT MAX(id) FROM t)"], Err(&lost(1, "set a variable to what it computed")));
        check(&["SELECT MAX(id) INTO @a FROM t"], Err(&lost(1, "set a variable from what it read")));
        check(&["SELECT @a := 5"], Err(&lost(1, "set a variable from what it read")));
        check(&["CREATE TEMPORARY TABLE t (a INT)"], Err(&lost(1, "made a temporary table")));
        check(&["PREPARE s FROM 'SELECT 1'"], Err(&lost(1, "prepared a statement")));
    }
}
