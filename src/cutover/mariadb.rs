//! MariaDB refuses RENAME under LOCK TABLES (error 1192), so a second connection issues it and waits: its exclusive
//! request goes ahead of every writer that waits for the lock to end.
//!
//! That holds only because the shadow's and the old table's names sort after the original's: the RENAME takes its
//! metadata locks in name order and must be queued on the original.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::{Attempt, Window};
use crate::error::{Failure, Result, Stop};
use crate::server::{Process, Role, ServerError, Session, server_failure};

/// How long the RENAME may take to be seen waiting. It is there within a millisecond or two; longer means that
/// something else is wrong, and the application is waiting.
const SEEN_WITHIN: Duration = Duration::from_millis(500);

/// Lets the RENAME queue, drains and checks meanwhile, and unlocks.
pub(crate) async fn swap(window: &mut Window<'_>) -> Result<Attempt> {
    let renamer = match window.run.server.session(Role::Ddl).await {
        Ok(renamer) => renamer,
        Err(error) => return give_back(window, None, error).await,
    };
    let rename = Rename::start(renamer, window.run.change.rename_sql());
    if let Err(error) = window.drain().await {
        return give_back(window, Some(rename), error).await;
    }
    if let Err(failure) = window.check_unchanged().await {
        rename.kill(window).await?;
        return Err(failure);
    }
    if let Err(error) = window.finish_shadow().await {
        return give_back(window, Some(rename), error).await;
    }
    match rename.is_waiting(window).await {
        Ok(true) => {}
        Ok(false) => {
            let error = ServerError::Lost("the RENAME was not seen waiting for the lock".into());
            return give_back(window, Some(rename), error).await;
        }
        Err(error) => return give_back(window, Some(rename), error).await,
    }
    // The triggers are still there: if the RENAME fails now, every write goes on being logged.
    let unlocked = window.locker.execute("UNLOCK TABLES").await;
    let (renamed, renamer) = rename.end().await?;
    renamer.close().await;
    match (renamed, unlocked) {
        (Ok(_), _) => Ok(Attempt::Swapped),
        (Err(error @ ServerError::Lost(_)), _) => window.outcome(error).await,
        (Err(error), _) => Ok(Attempt::Again(error)),
    }
}

/// A RENAME that runs on its own connection.
struct Rename {
    connection: u32,
    task: JoinHandle<(Result<u64, ServerError>, Session)>,
}

impl Rename {
    fn start(mut session: Session, sql: String) -> Rename {
        let connection = session.id();
        let task = tokio::spawn(async move {
            let outcome = session.execute(&sql).await;
            (outcome, session)
        });
        Rename { connection, task }
    }

    /// Whether the server says that it waits for a metadata lock; waits a moment for that.
    async fn is_waiting(&self, window: &mut Window<'_>) -> Result<bool, ServerError> {
        let started = Instant::now();
        loop {
            let processes = window.watch.processes().await?;
            let waits = |process: &Process| process.state == "Waiting for table metadata lock";
            if processes.iter().any(|process| process.id == self.connection && waits(process)) {
                return Ok(true);
            }
            if self.task.is_finished() || started.elapsed() > SEEN_WITHIN {
                return Ok(false);
            }
        }
    }

    async fn end(self) -> Result<(Result<u64, ServerError>, Session)> {
        self.task.await.map_err(|error| Failure::new(Stop::Unexpected, "the swap panicked").cause(error))
    }

    /// Ends the RENAME before the lock is given back; must not be able to run afterwards.
    async fn kill(self, window: &mut Window<'_>) -> Result<()> {
        let killed = window.run.server.bury(self.connection).await;
        killed.map_err(|error| server_failure("taking back the RENAME", &error))?;
        let _ = self.end().await?;
        Ok(())
    }
}

async fn give_back(window: &mut Window<'_>, rename: Option<Rename>, error: ServerError) -> Result<Attempt> {
    if let Some(rename) = rename {
        rename.kill(window).await?;
    }
    if !window.locker.is_lost() {
        let _ = window.locker.execute("ROLLBACK").await;
        let unlocked = window.locker.execute("UNLOCK TABLES").await;
        unlocked.map_err(|error| server_failure("unlocking", &error))?;
        if error.disposition() == crate::server::Disposition::Fatal {
            return Err(server_failure("the swap", &error));
        }
        return Ok(Attempt::Again(error));
    }
    // The lock ended with its connection; the RENAME may have gone through before it was killed.
    window.outcome(error).await
}
