//! MariaDB refuses RENAME under LOCK TABLES (error 1192), so a second connection issues it and waits: its exclusive
//! request goes ahead of every writer that waits for the lock to end.
//!
//! That holds only because the shadow's and the old table's names sort after the original's: the RENAME takes its
//! metadata locks in name order and must be queued on the original.
//!
//! A RENAME that waits would also go through when the lock ends because its holder is gone, with the log not yet
//! drained and its writes lost. So the old table's name is taken by a **gate**, an empty table that the holder of the
//! lock drops as the last thing before it unlocks: until then every RENAME fails (1050), whoever dies first.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::snapshots::{Older, Which};
use super::{Attempt, Window};
use crate::change::Change;
use crate::error::{Failure, Result, Stop};
use crate::foreign_keys::hold::{self, Children, Stuck};
use crate::run::Run;
use crate::schema;
use crate::server::{ConnectionId, Process, Role, ServerError, Session, server_failure};
use crate::sql::Ident;

/// How long the RENAME may take to be seen waiting. It is there within a millisecond or two; longer means that
/// something else is wrong, and the application is waiting.
const SEEN_WITHIN: Duration = Duration::from_millis(500);

/// Attempts for which a moment without any transaction at work in the schema is waited for, those given back for snapshots
/// not counted. Later ones risk that the RENAME waits for InnoDB's shortest limit, a second.
const CLEAR_ATTEMPTS: u32 = 20;

/// The gate's only column, by which it is told from an old table.
fn gate_column() -> Ident {
    Ident::new("rpk_gate")
}

/// The connections of a RENAME. Connecting takes longer than all that happens inside the window, where InnoDB must not
/// wait long for anything.
pub(crate) struct Movers {
    renamer: Session,
    /// One for each child.
    holders: Vec<Session>,
}

impl Movers {
    pub(crate) async fn connect(run: &Run) -> Result<Movers> {
        let what = "connecting for the cutover";
        let mut renamer = run.server.session_for(Role::Ddl, what).await?;
        // Not 0: when the second of its two renames fails, the first is taken back under the same limit.
        let off = renamer.execute("SET SESSION foreign_key_checks = 0, innodb_lock_wait_timeout = 1").await;
        off.map_err(|error| server_failure(what, &error))?;
        let holders = hold::connect(run, &hold::of_run(run)).await?;
        Ok(Movers { renamer, holders })
    }
}

/// Puts the gate where the old table will be. Before the lock is asked for, because LOCK TABLES names it.
pub(crate) async fn close_gate(run: &Run, session: &mut Session) -> Result<(), ServerError> {
    session.execute(&close_gate_sql(&run.change)).await.map(drop)
}

/// CREATE TABLE of the gate.
pub fn close_gate_sql(change: &Change) -> String {
    format!("CREATE TABLE IF NOT EXISTS {} ({} INT) ENGINE=InnoDB", change.old, gate_column())
}

/// DROP TABLE of the gate.
pub fn open_gate_sql(change: &Change) -> String {
    format!("DROP TABLE {}", change.old)
}

/// Whether a table is the gate.
pub fn is_gate(definition: &str) -> bool {
    definition.contains(&gate_column().to_string())
}

/// Removes the gate of a run that is not going to swap; an old table under the same name stays.
pub(crate) async fn remove_gate(run: &Run, session: &mut Session) -> Result<(), ServerError> {
    let definition = schema::create_sql(session, &run.change.old).await?.unwrap_or_default();
    if is_gate(&definition) {
        session.execute(&open_gate_sql(&run.change)).await?;
    }
    Ok(())
}

/// Swaps while nobody writes a child.
pub(super) async fn swap(window: &mut Window<'_>, movers: Movers, older: &mut Older, attempt: u32) -> Result<Attempt> {
    let children = Children::hold(&hold::of_run(window.run), movers.holders);
    let attempt = match children.are_queued(window.watch).await {
        Ok(true) => swap_alone(window, movers.renamer, &children, older, attempt).await,
        Ok(false) => window.postpone().await,
        Err(error) => give_back(window, None, error).await,
    };
    if attempt.is_err() {
        let _ = window.locker.execute("UNLOCK TABLES").await;
    }
    children.release(window.run).await?;
    attempt
}

/// Drains and checks, lets the RENAME queue, opens the gate and unlocks.
async fn swap_alone(
    window: &mut Window<'_>,
    renamer: Session,
    children: &Children,
    older: &mut Older,
    attempt: u32,
) -> Result<Attempt> {
    match window.drain().await {
        Ok(true) => {}
        Ok(false) => return window.postpone().await,
        Err(error) => return give_back(window, None, error).await,
    }
    // With children, the others later: both look at a list that is renewed only when nobody has read it for 100 ms.
    let of = if children.are_none() { Which::All } else { Which::BetweenStatements };
    match older.are_clear(window.run, window.watch, window.locker.id(), of).await {
        Ok(true) => {}
        Ok(false) => return window.postpone_for_snapshots().await,
        Err(error) => return give_back(window, None, error).await,
    }
    match window.difference().await {
        Ok(None) => {}
        Ok(Some(failure)) => return Err(failure),
        Err(error) => return give_back(window, None, error).await,
    }
    if let Err(error) = window.finish_shadow().await {
        return give_back(window, None, error).await;
    }
    let rename = Rename::start(renamer, window.run.change.rename_sql());
    match rename.is_waiting(window).await {
        Ok(true) => {}
        // It has not happened: the gate is closed.
        Ok(false) => {
            let error = ServerError::Lost(
                "the RENAME was not seen waiting, or somebody else waits with such a statement".into(),
            );
            return give_back(window, Some(rename), error).await;
        }
        Err(error) => return give_back(window, Some(rename), error).await,
    }
    // An index that would have to be built again costs more than such a snapshot.
    if !children.are_none() && !window.run.checkpoint.temporary_key {
        match older.are_clear(window.run, window.watch, window.locker.id(), Which::AllAtLast).await {
            Ok(true) => {}
            Ok(false) => {
                let error = ServerError::Lost("a transaction of the schema has an older snapshot".into());
                return match give_back(window, Some(rename), error).await? {
                    Attempt::Again(_) => Ok(Attempt::OlderSnapshots { undone: true }),
                    other => Ok(other),
                };
            }
            Err(error) => return give_back(window, Some(rename), error).await,
        }
    }
    let of = if attempt < CLEAR_ATTEMPTS { Stuck::Coming } else { Stuck::Waiting };
    match children.is_clear(window.run, window.watch, of).await {
        Ok(true) => {}
        Ok(false) => {
            let error = ServerError::Lost("a transaction that may have written a child comes to the table".into());
            return give_back(window, Some(rename), error).await;
        }
        Err(error) => return give_back(window, Some(rename), error).await,
    }
    let opened = window.locker.execute(&open_gate_sql(&window.run.change)).await;
    if let Err(error) = opened {
        return give_back(window, Some(rename), error).await;
    }
    // The triggers are still there: if the RENAME fails now, every write goes on being logged.
    let unlocked = window.locker.execute("UNLOCK TABLES").await;
    let connection = rename.connection;
    let (renamed, renamer) = rename.end().await?;
    renamer.close().await;
    match (renamed, unlocked) {
        (Ok(_), _) => Ok(Attempt::Swapped),
        (Err(error), _) => window.outcome(&[connection], error).await,
    }
}

/// A RENAME that runs on its own connection.
struct Rename {
    connection: ConnectionId,
    task: JoinHandle<(Result<u64, ServerError>, Session)>,
}

impl Rename {
    fn start(mut session: Session, sql: String) -> Rename {
        let connection = session.connection();
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
            let is_own = |process: &&Process| process.id == self.connection.number;
            if processes.iter().filter(is_own).any(Process::is_waiting) {
                // One that asked before the RENAME gets the original before it, and would be undone by it.
                let table = &window.run.change.original;
                let others = processes.iter().filter(|process| !is_own(process));
                return Ok(!others.into_iter().any(|other| other.is_waiting() && other.redefines(table)));
            }
            if self.task.is_finished() {
                return Ok(false);
            }
            if started.elapsed() > SEEN_WITHIN {
                window.run.server.bury(self.connection).await?;
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
    let connection = rename.as_ref().map(|rename| rename.connection);
    if let Some(rename) = rename {
        rename.kill(window).await?;
    }
    if !window.locker.is_lost() {
        return window.give_back(error).await;
    }
    // The lock ended with its connection. Whether the gate was open by then, the names say.
    let connections: Vec<ConnectionId> = connection.into_iter().chain([window.locker.connection()]).collect();
    window.outcome(&connections, error).await
}
