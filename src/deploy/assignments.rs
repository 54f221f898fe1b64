//! What a SET statement sets, and for whom. Pure.

use crate::sql::lexer::{Token, TokenKind, leading_tokens};

/// Whom a variable belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The server.
    Global,
    /// The session.
    Session,
    /// The session, by a name of the user's.
    User,
}

/// One of the assignments of a SET, or what is set by words: `NAMES utf8mb4`, `TRANSACTION READ ONLY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment<'t, 'a> {
    /// Whose variable it is.
    pub scope: Scope,
    /// Its name, without `@` and scope.
    pub name: &'a str,
    /// What is behind the name and the sign.
    pub value: &'t [Token<'a>],
}

/// The assignments of what is behind SET, without whitespace and comments.
pub fn assignments<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<Assignment<'t, 'a>> {
    // The words hold for the assignments behind them too.
    let mut scope = Scope::Session;
    top_level(tokens).into_iter().filter_map(|piece| assignment(piece, &mut scope)).collect()
}

fn assignment<'t, 'a>(mut piece: &'t [Token<'a>], sticky: &mut Scope) -> Option<Assignment<'t, 'a>> {
    if let Some(scope) = scope_of(piece.first()?.text).filter(|_| piece.len() > 1 && !is_sign(&piece[1])) {
        *sticky = scope;
        piece = &piece[1..];
    }
    let first = piece.first()?;
    let (mut scope, mut name, mut length) = (*sticky, first.text, 1);
    if let Some(system) = first.text.strip_prefix("@@") {
        (scope, name) = (Scope::Session, system);
        if piece.get(1).is_some_and(|token| token.kind == TokenKind::Period) {
            scope = scope_of(system).unwrap_or(Scope::Session);
            (name, length) = (piece.get(2)?.text, 3);
        }
    } else if let Some(user) = first.text.strip_prefix('@') {
        (scope, name) = (Scope::User, user);
    }
    let sign = piece.iter().position(is_sign);
    let value = &piece[sign.map_or(length, |sign| sign + 1)..];
    Some(Assignment { scope, name: name.trim_matches('`'), value })
}

impl Assignment<'_, '_> {
    /// Whether it is the variable of that name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether another session, or the same at another time, could come to another value.
    pub fn is_computed(&self) -> bool {
        const MOMENTARY: [&str; 18] = [
            "CURRENT_TIMESTAMP",
            "CURRENT_DATE",
            "CURRENT_TIME",
            "LOCALTIME",
            "LOCALTIMESTAMP",
            "UTC_DATE",
            "UTC_TIME",
            "UTC_TIMESTAMP",
            "GLOBAL",
            "IDENTITY",
            "LAST_INSERT_ID",
            "INSERT_ID",
            "TIMESTAMP",
            "RAND_SEED1",
            "RAND_SEED2",
            "WARNING_COUNT",
            "ERROR_COUNT",
            "PSEUDO_THREAD_ID",
        ];
        const PLAIN: [&str; 10] = ["NULL", "TRUE", "FALSE", "AND", "OR", "NOT", "XOR", "DIV", "MOD", "IS"];
        let is_one_of = |token: &Token<'_>, words: &[&str]| {
            let name = token.text.trim_start_matches('@');
            token.kind == TokenKind::Word && words.iter().any(|word| name.eq_ignore_ascii_case(word))
        };
        self.value.iter().enumerate().any(|(at, token)| {
            // Names of modes and character sets are words only behind what is not the user's.
            let is_variable = token.text.starts_with('@') || at > 0 && self.value[at - 1].kind == TokenKind::Period;
            let is_name = token.kind == TokenKind::Word && !is_variable && !is_one_of(token, &PLAIN);
            token.kind == TokenKind::LeftParen || is_one_of(token, &MOMENTARY) || self.scope == Scope::User && is_name
        })
    }

    /// Whether the value is another variable of the server or the session.
    pub fn reads_variables(&self) -> bool {
        self.value.iter().any(|token| token.text.starts_with("@@"))
    }
}

/// What MariaDB's `SET STATEMENT variable = value, … FOR` is in front of.
pub fn behind_settings<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<&'t [Token<'a>]> {
    let [set, statement, next, ..] = tokens else { return None };
    if !set.is_word("SET") || !statement.is_word("STATEMENT") || is_sign(next) {
        return None;
    }
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth = depth.saturating_sub(1),
            _ if depth == 0 && token.is_word("FOR") => return Some(&tokens[at + 1..]),
            _ => {}
        }
    }
    Some(&[])
}

/// The same as a text; `None` when it begins otherwise.
pub fn text_behind_settings(text: &str) -> Option<&str> {
    let tokens: Vec<Token<'_>> = leading_tokens(text).0.into_iter().filter(|token| !token.is_trivia()).collect();
    let behind = behind_settings(&tokens)?;
    Some(behind.first().map_or("", |token| &text[token.start..]))
}

fn is_sign(token: &Token<'_>) -> bool {
    token.kind == TokenKind::Equals || token.text == ":="
}

fn scope_of(word: &str) -> Option<Scope> {
    let is = |words: &[&str]| words.iter().any(|scope| word.eq_ignore_ascii_case(scope));
    if is(&["GLOBAL", "PERSIST", "PERSIST_ONLY"]) {
        Some(Scope::Global)
    } else {
        is(&["SESSION", "LOCAL"]).then_some(Scope::Session)
    }
}

/// Cuts at the commas that are not in parentheses.
fn top_level<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut depth = 0_usize;
    let is_cut = |token: &Token<'_>| {
        match token.kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.kind == TokenKind::Comma
    };
    tokens.split(is_cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::executed::executed_tokens;
    use crate::sql::lexer::leading_tokens;

    fn described(text: &str) -> String {
        let tokens = executed_tokens(&leading_tokens(text).0);
        let all: Vec<String> = assignments(&tokens)
            .iter()
            .map(|one| {
                let value: Vec<&str> = one.value.iter().map(|token| token.text).collect();
                let computed = if one.is_computed() { " computed" } else { "" };
                format!("{:?} {}: {}{computed}", one.scope, one.name, value.join(" "))
            })
            .collect();
        all.join("; ")
    }

    #[test]
    fn each_variable_with_its_scope() {
        for (text, expected) in [
            (
                "a = 1, @@b := 2, @c := 'x', @@global.d = 3, @@session.e = ON, f = 4",
                "Session a: 1; Session b: 2; User c: 'x'; Global d: 3; Session e: ON; Session f: 4",
            ),
            (
                "GLOBAL a = 1, b = 2, SESSION c = 3, d = 4, @@e = 5, @f = 6",
                "Global a: 1; Global b: 2; Session c: 3; Session d: 4; Session e: 5; User f: 6",
            ),
            ("NAMES utf8mb4 COLLATE utf8mb4_bin", "Session NAMES: utf8mb4 COLLATE utf8mb4_bin"),
            ("SESSION TRANSACTION READ ONLY", "Session TRANSACTION: READ ONLY"),
            (
                "@old = @@sql_mode, sql_mode = 'ANSI,STRICT', @a = @b + 1, @s = @@session.sql_mode",
                "User old: @@sql_mode; Session sql_mode: 'ANSI,STRICT'; User a: @b + 1; User s: @@session . sql_mode",
            ),
        ] {
            assert_eq!(described(text), expected);
        }
    }

    #[test]
    fn values_of_the_moment() {
        for value in ["CURRENT_TIMESTAMP", "@@identity", "@@session.last_insert_id", "f()", "(1)", "NEXT VALUE FOR s"] {
            let text = format!("@x = {value}");
            assert!(described(&text).ends_with(" computed"), "{text}");
        }
        assert!(described("@x = @@GLOBAL.sql_mode").ends_with(" computed"));
        assert!(described("timestamp = CURRENT_TIMESTAMP").ends_with(" computed"));
        assert!(!described("timestamp = 5, @x = -1, @y = NULL, @z = TRUE").contains("computed"));
    }

    #[test]
    fn the_statement_behind_settings() {
        let behind = |text: &str| {
            let tokens = executed_tokens(&leading_tokens(text).0);
            behind_settings(&tokens).map(|behind| behind.first().map_or("", |token| token.text).to_owned())
        };
        assert_eq!(
            behind("SET STATEMENT a = (SELECT 1 FOR UPDATE), b = 2 FOR UPDATE t SET x = 1"),
            Some("UPDATE".into())
        );
        assert_eq!(behind("SET STATEMENT a = 1"), Some(String::new()));
        assert_eq!(behind("SET statement = 1"), None);
        assert_eq!(behind("UPDATE t SET statement = 1"), None);
    }
}
