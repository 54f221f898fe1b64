//! One run per table: a named lock held on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::named_lock::{self, Held};
use super::{Server, server_failure};
use crate::error::{Failure, Result, Stop};
use crate::event::Events;
use crate::sql::TableName;

/// A connection that a killed run left behind takes a moment to be noticed by the server.
const PATIENCE: Duration = Duration::from_secs(1);

/// The named lock of a table, held until `release`.
#[derive(Debug)]
pub struct Owner(Held);

impl Owner {
    /// Takes the lock or says who has it. When it is lost later and cannot be taken again, `stop` is cancelled.
    pub async fn acquire(
        server: &Arc<Server>,
        table: &TableName,
        events: &Events,
        stop: &CancellationToken,
    ) -> Result<Owner> {
        let held = Held::take(server, &lock_of(table), "the owner lock", PATIENCE, events, stop).await;
        match held.map_err(|error| server_failure("taking the owner lock", &error))? {
            Some(held) => Ok(Owner(held)),
            None => Err(Owner::occupied(server, table).await),
        }
    }

    /// Gives the lock back.
    pub async fn release(self) {
        self.0.release().await;
    }

    /// Whether somebody holds the lock of a table.
    pub async fn is_held(server: &Arc<Server>, table: &TableName) -> Result<bool> {
        let holder = named_lock::holder(server, &lock_of(table)).await;
        Ok(holder.map_err(|error| server_failure("asking for the owner lock", &error))?.is_some())
    }

    /// The refusal while somebody holds the lock of a table.
    pub async fn occupied(server: &Arc<Server>, table: &TableName) -> Failure {
        let holder = named_lock::holder(server, &lock_of(table)).await.ok().flatten();
        let process = holder.and_then(|(_, process)| process);
        let by = process.map(|holder| format!(", connection {} ({}@{})", holder.id, holder.user, holder.host));
        let by = by.unwrap_or_default();
        Failure::new(Stop::Occupied, format!("another replank run is changing {table}{by}"))
            .table("untouched by this command")
            .next(format!("`replank status {}` shows it; wait for it to end, or stop it", table.argument()))
    }
}

fn lock_of(table: &TableName) -> String {
    named_lock::name_for(&table.plain())
}
