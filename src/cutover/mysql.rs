//! MySQL swaps on the connection that holds the lock: RENAME works under LOCK TABLES since 8.0.13.

use super::{Attempt, Window};
use crate::error::Result;
use crate::foreign_keys;
use crate::server::{ServerError, server_failure};

/// Drains, checks, renames, unlocks.
pub(crate) async fn swap(window: &mut Window<'_>) -> Result<Attempt> {
    match window.drain().await {
        Ok(true) => {}
        Ok(false) => return window.postpone().await,
        Err(error) => return window.give_back(error).await,
    }
    match window.difference().await {
        Ok(None) => {}
        Ok(Some(failure)) => return Err(failure),
        Err(error) => return window.give_back(error).await,
    }
    if let Err(error) = window.finish_shadow().await {
        return window.give_back(error).await;
    }
    let rename = window.run.change.rename_sql();
    match window.locker.execute(&rename).await {
        Ok(_) => {}
        Err(error @ ServerError::Lost(_)) => {
            let connection = window.locker.connection();
            return window.outcome(&[connection], error).await;
        }
        Err(error) => return window.give_back(error).await,
    }
    // What is left of this is done after the window.
    let _ = foreign_keys::settle::release_old_from_itself(window.run, window.locker).await;
    match window.locker.execute("UNLOCK TABLES").await {
        // A lost connection unlocks too, and the RENAME is done.
        Ok(_) | Err(ServerError::Lost(_)) => Ok(Attempt::Swapped),
        Err(error) => Err(server_failure("unlocking after the swap", &error)),
    }
}
