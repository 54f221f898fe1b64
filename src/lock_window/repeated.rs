//! Statements in a window of their own that may be sent again: DROP TRIGGER IF EXISTS.

use std::sync::Arc;
use std::time::Instant;

use super::LockRequest;
use crate::error::Result;
use crate::event::Events;
use crate::server::retry::Tries;
use crate::server::{Role, Server, ServerError, Session};

impl LockRequest<'_> {
    /// Runs them all inside a window, in new sessions; `what` they do is said when it fails.
    ///
    /// No window keeps out who reads a definition, and a statement that changes it waits for them. One that waited for
    /// too long gives the table back to the application before all of them are tried again.
    pub async fn run_repeatable(
        mut self,
        server: &Arc<Server>,
        what: &str,
        statements: &[String],
        events: &Events,
    ) -> Result<()> {
        let connecting = format!("connecting for {what}");
        let mut locker = server.session_for(Role::Work, &connecting).await?;
        let mut watch = server.session_for(Role::Watch, &connecting).await?;
        // One patience for all attempts.
        self.started = Some(Instant::now());
        let mut tries = Tries::of(what);
        loop {
            let window = self.clone().granted(&mut locker, &mut watch, events).await?;
            let ran = run_all(&mut locker, statements).await;
            match ran.and(window.unlock(&mut locker, events).await) {
                Ok(()) => break,
                Err(error) => tries.recover(&mut locker, error, events).await?,
            }
        }
        locker.close().await;
        watch.close().await;
        Ok(())
    }
}

/// Runs statements in turn until one fails.
pub async fn run_all(session: &mut Session, statements: &[String]) -> Result<(), ServerError> {
    for sql in statements {
        session.execute(sql).await?;
    }
    Ok(())
}
