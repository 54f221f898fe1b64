//! MySQL swaps on the connection that holds the lock: RENAME works under LOCK TABLES since 8.0.13.

use super::{Attempt, Window};
use crate::error::Result;
use crate::server::{ServerError, server_failure};

/// Drains, checks, renames, unlocks.
pub(crate) async fn swap(window: &mut Window<'_>) -> Result<Attempt> {
    if let Err(error) = window.drain().await {
        return give_back(window, error).await;
    }
    window.check_unchanged().await?;
    if let Err(error) = window.finish_shadow().await {
        return give_back(window, error).await;
    }
    let rename = window.run.change.rename_sql();
    match window.locker.execute(&rename).await {
        Ok(_) => {}
        Err(error @ ServerError::Lost(_)) => return window.outcome(error).await,
        Err(error) => return give_back(window, error).await,
    }
    match window.locker.execute("UNLOCK TABLES").await {
        // A lost connection unlocks too, and the RENAME is done.
        Ok(_) | Err(ServerError::Lost(_)) => Ok(Attempt::Swapped),
        Err(error) => Err(server_failure("unlocking after the swap", &error)),
    }
}

async fn give_back(window: &mut Window<'_>, error: ServerError) -> Result<Attempt> {
    if !window.locker.is_lost() {
        let _ = window.locker.execute("ROLLBACK").await;
        let unlocked = window.locker.execute("UNLOCK TABLES").await;
        unlocked.map_err(|error| server_failure("unlocking", &error))?;
    }
    if error.disposition() == crate::server::Disposition::Fatal {
        return Err(server_failure("the swap", &error));
    }
    Ok(Attempt::Again(error))
}
