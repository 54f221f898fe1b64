//! Named locks. Their names are limited to 64 characters and shared by the whole server.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Process, Role, Server, ServerError, Session};
use crate::event::Events;
use crate::sql::string_literal;

/// How often a held lock's connection is used, so that neither proxies nor the server close it.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// A connection that a killed process left behind takes a moment to be noticed by the server.
const REGAIN: Duration = Duration::from_secs(1);

/// A lock that is held on a connection of its own until `release`.
#[derive(Debug)]
pub struct Held {
    done: CancellationToken,
    keeper: JoinHandle<()>,
}

impl Held {
    /// Takes a lock within `patience`, `None` when somebody else kept it. `lock` names it for people. When it is lost
    /// later and cannot be taken again, `stop` is cancelled.
    pub async fn take(
        server: &Arc<Server>,
        name: &str,
        lock: &'static str,
        patience: Duration,
        events: &Events,
        stop: &CancellationToken,
    ) -> Result<Option<Held>, ServerError> {
        let mut session = server.session(Role::Watch).await?;
        if !take(&mut session, name, patience).await? {
            session.close().await;
            return Ok(None);
        }
        let done = CancellationToken::new();
        let keeper = tokio::spawn(keep(session, name.to_owned(), lock, done.clone(), stop.clone(), events.clone()));
        Ok(Some(Held { done, keeper }))
    }

    /// Gives the lock back.
    pub async fn release(self) {
        self.done.cancel();
        let _ = self.keeper.await;
    }
}

async fn keep(
    mut session: Session,
    name: String,
    lock: &'static str,
    done: CancellationToken,
    stop: CancellationToken,
    events: Events,
) {
    loop {
        tokio::select! {
            () = done.cancelled() => break,
            () = tokio::time::sleep(KEEP_ALIVE) => {}
        }
        if session.execute("DO 0").await.is_ok() {
            continue;
        }
        let again = match session.reconnect().await {
            Ok(()) => take(&mut session, &name, REGAIN).await.unwrap_or(false),
            Err(_) => false,
        };
        if !again {
            events.notice(format!("{lock} was lost and could not be taken again: stopping at a safe point"));
            stop.cancel();
            break;
        }
        events.notice(format!("the connection of {lock} was lost; the lock was taken again"));
    }
    session.close().await;
}

/// The connection that holds a lock: its id, and what the process list says of it where this account may see it.
pub async fn holder(server: &Arc<Server>, name: &str) -> Result<Option<(u32, Option<Process>)>, ServerError> {
    let sql = format!("SELECT IS_USED_LOCK({})", string_literal(name));
    let answer: Option<Option<u32>> = server.ask(&sql).await?;
    let Some(id) = answer.flatten() else { return Ok(None) };
    let processes = server.processes().await.unwrap_or_default();
    Ok(Some((id, processes.into_iter().find(|process| process.id == id))))
}

/// The lock of a thing.
pub fn name_for(thing: &str) -> String {
    let digest = Sha256::digest(thing.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("replank:{hex}")
}

/// Takes a lock, which the session then holds until it gives it back or ends; false when somebody else kept it for as
/// long as `patience`, in whole seconds.
pub async fn take(session: &mut Session, name: &str, patience: Duration) -> Result<bool, ServerError> {
    let sql = format!("SELECT GET_LOCK({}, {})", string_literal(name), patience.as_secs());
    let answer: Option<Option<u64>> = session.first_row(&sql).await?;
    Ok(answer.flatten() == Some(1))
}

/// Gives a lock back.
pub async fn give_back(session: &mut Session, name: &str) -> Result<(), ServerError> {
    session.execute(&format!("DO RELEASE_LOCK({})", string_literal(name))).await.map(drop)
}
