//! One run per table: a named lock held on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Role, Server, Session, named_lock, server_failure};
use crate::error::{Failure, Result, Stop};
use crate::event::Events;
use crate::sql::{TableName, string_literal};

/// How often the lock's connection is used, so that neither proxies nor the server close it.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The named lock of a table, held until `release`.
#[derive(Debug)]
pub struct Owner {
    done: CancellationToken,
    keeper: JoinHandle<()>,
}

impl Owner {
    /// Takes the lock or says who has it. When it is lost later and cannot be taken again, `stop` is cancelled.
    pub async fn acquire(
        server: &Arc<Server>,
        table: &TableName,
        events: &Events,
        stop: &CancellationToken,
    ) -> Result<Owner> {
        let name = lock_of(table);
        let mut session = server.session_for(Role::Watch, "connecting for the owner lock").await?;
        if !get_lock(&mut session, &name).await.map_err(|error| server_failure("taking the owner lock", &error))? {
            return Err(Owner::occupied(server, table).await);
        }
        let done = CancellationToken::new();
        let keeper = tokio::spawn(keep(session, name, done.clone(), stop.clone(), events.clone()));
        Ok(Owner { done, keeper })
    }

    /// Gives the lock back.
    pub async fn release(self) {
        self.done.cancel();
        let _ = self.keeper.await;
    }

    /// Whether somebody holds the lock of a table.
    pub async fn is_held(server: &Arc<Server>, table: &TableName) -> Result<bool> {
        let sql = format!("SELECT IS_USED_LOCK({})", string_literal(&lock_of(table)));
        let holder: Option<Option<u64>> =
            server.ask(&sql).await.map_err(|error| server_failure("asking for the owner lock", &error))?;
        Ok(holder.flatten().is_some())
    }

    /// The refusal while somebody holds the lock of a table.
    pub async fn occupied(server: &Arc<Server>, table: &TableName) -> Failure {
        let sql = format!("SELECT IS_USED_LOCK({})", string_literal(&lock_of(table)));
        let holder: Option<Option<u32>> = server.ask(&sql).await.ok().flatten();
        let processes = server.processes().await.unwrap_or_default();
        let holder = processes.iter().find(|process| Some(process.id) == holder.flatten());
        let by = holder.map(|holder| format!(", connection {} ({}@{})", holder.id, holder.user, holder.host));
        let by = by.unwrap_or_default();
        Failure::new(Stop::Occupied, format!("another replank run is changing {table}{by}"))
            .table("untouched by this command")
            .next(format!("`replank status {}` shows it; wait for it to end, or stop it", table.plain()))
    }
}

async fn keep(mut session: Session, name: String, done: CancellationToken, stop: CancellationToken, events: Events) {
    loop {
        tokio::select! {
            () = done.cancelled() => break,
            () = tokio::time::sleep(KEEP_ALIVE) => {}
        }
        if session.execute("DO 0").await.is_ok() {
            continue;
        }
        let again = match session.reconnect().await {
            Ok(()) => get_lock(&mut session, &name).await.unwrap_or(false),
            Err(_) => false,
        };
        if !again {
            events.notice("the owner lock was lost and could not be taken again: stopping at a safe point");
            stop.cancel();
            break;
        }
        events.notice("the connection of the owner lock was lost; the lock was taken again");
    }
    session.close().await;
}

async fn get_lock(session: &mut Session, name: &str) -> std::result::Result<bool, super::ServerError> {
    // A connection that a killed run left behind takes a moment to be noticed by the server.
    named_lock::take(session, name, Duration::from_secs(1)).await
}

fn lock_of(table: &TableName) -> String {
    named_lock::name_for(&table.plain())
}
