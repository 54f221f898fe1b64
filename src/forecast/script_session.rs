//! What the SET statements of the scripts make of the session that a deploy runs them in: they are tried in a session
//! that does nothing else.
//!
//! A deploy refuses a change that it would make in another session when the settings differ, so the plan has to know.

use std::sync::Arc;

use crate::deploy::settings;
use crate::error::Result;
use crate::server::{Role, Server, ServerError, Session, server_failure};
use crate::sql::lexer::{Token, TokenKind, significant};

/// The session, and whether its settings are those it began with.
pub(super) struct ScriptSession {
    server: Arc<Server>,
    /// Opened by the first statement that needs it, with the settings it had then.
    opened: Option<(Session, String)>,
    changed_by: Option<usize>,
}

impl ScriptSession {
    pub(super) fn new(server: Arc<Server>) -> ScriptSession {
        ScriptSession { server, opened: None, changed_by: None }
    }

    /// The statement that has changed settings, unless they are again what they were.
    pub(super) fn changed_by(&self) -> Option<usize> {
        self.changed_by
    }

    /// Takes the next statement of the scripts; only those that set something of the session are run.
    pub(super) async fn take(&mut self, number: usize, text: &str) -> Result<()> {
        if !sets_session(text) {
            return Ok(());
        }
        let failed = |error: ServerError| server_failure("trying the settings of a script", &error);
        let (session, initial) = match &mut self.opened {
            Some(opened) => opened,
            none => {
                let mut session =
                    self.server.session_for(Role::Script, "connecting for the settings of scripts").await?;
                let settings = settings(&mut session).await.map_err(failed)?;
                none.insert((session, settings))
            }
        };
        // What the server does not take changes nothing, and is the deploy's to tell.
        if let Err(error) = session.execute(text).await {
            tracing::debug!("statement {number} is not taken: {error}");
            return Ok(());
        }
        let is_changed = settings(session).await.map_err(failed)? != *initial;
        self.changed_by = is_changed.then(|| self.changed_by.unwrap_or(number));
        Ok(())
    }

    pub(super) async fn close(self) {
        if let Some((session, _)) = self.opened {
            session.close().await;
        }
    }
}

/// Whether it sets variables of its own session to plain values. Anything that calls a function, concerns the server or
/// an account, or has a statement in it is left alone.
fn sets_session(text: &str) -> bool {
    let tokens = significant(text);
    let Some((set, rest)) = tokens.split_first() else { return false };
    let Some(first) = rest.first().filter(|_| set.is_word("SET")) else { return false };
    let is_reach = ["NAMES", "CHARACTER", "CHARSET", "SESSION", "LOCAL"].iter().any(|word| first.is_word(word));
    let is_assigned = rest.get(1).is_some_and(|token| token.text == "=" || token.text == ":=");
    let has_no_business = |token: &Token<'_>| {
        let word = token.text.to_ascii_uppercase();
        let far = ["GLOBAL", "PERSIST", "PASSWORD", "ROLE", "STATEMENT", "SELECT"];
        matches!(token.kind, TokenKind::LeftParen | TokenKind::Semicolon)
            || (token.kind != TokenKind::String && far.iter().any(|far| word.contains(far)))
    };
    (is_reach || is_assigned || first.text.starts_with('@')) && !rest.iter().any(has_no_business)
}

#[cfg(test)]
mod tests {
    use super::sets_session;

    #[test]
    fn only_what_sets_the_session_is_tried() {
        for text in [
            "SET sql_mode = ''",
            "-- c\nSET SESSION sql_mode := 'ANSI'",
            "SET @@sql_mode = @old",
            "SET @old = @@SESSION.sql_mode, sql_mode = 'STRICT_ALL_TABLES'",
            "SET NAMES latin1",
            "SET time_zone = '+00:00'",
        ] {
            assert!(sets_session(text), "{text}");
        }
        for text in [
            "SET GLOBAL sql_mode = ''",
            "SET @@GLOBAL.sql_mode = ''",
            "SET PERSIST sql_mode = ''",
            "SET sql_mode = '', GLOBAL max_connections = 1",
            "SET PASSWORD = 'x'",
            "SET DEFAULT ROLE x",
            "SET STATEMENT max_statement_time = 1 FOR DELETE FROM t",
            "SET @a = f()",
            "SET @a = (SELECT 1)",
            "UPDATE t SET sql_mode = ''",
            "",
        ] {
            assert!(!sets_session(text), "{text}");
        }
    }
}
