//! MariaDB: keeps the writers of the children out while the table itself is renamed or altered.
//!
//! InnoDB locks each child for itself then. A transaction that has written a child and waits for the table would never
//! end: neither the engine nor the server sees that circle, only a timeout does. So a lock on each child is queued as
//! soon as the table's own is granted; whoever wants to write a child waits behind it.
//!
//! The children are not in the same LOCK TABLES: it takes its locks in the order of names, and a statement that has
//! opened the table and then meets the lock of a child that sorts before it has to let go and begin anew, which MariaDB
//! does not do right where there are triggers: it forgets the tables that they write (1146).

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::{Failure, Result, Stop};
use crate::run::Run;
use crate::server::{ConnectionId, Role, ServerError, Session, errno, server_failure};
use crate::sql::{TableName, string_literal};

/// How long the locks may take to be seen waiting.
const SEEN_WITHIN: Duration = Duration::from_millis(500);

/// How long a lock may be pending when the table's own is over, and how often it is looked at.
const GRANTED_WITHIN: Duration = Duration::from_millis(40);
const LOOK: Duration = Duration::from_millis(10);

/// A transaction whose last statement is this recent is likely to send another. One that idles for longer is not waited for.
const BETWEEN_STATEMENTS_MS: u32 = 20;

/// Which transactions are in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// Those that wait for the table by now.
    Waiting,
    /// All of the schema that are at work, because any may come to it. On a busy schema there is always one.
    Coming,
}

/// Locks on the children, queued behind the lock of the table.
#[must_use]
pub struct Children {
    locks: Vec<Lock>,
    free: CancellationToken,
}

struct Lock {
    connection: ConnectionId,
    task: JoinHandle<Session>,
    /// What came of the statement, once it is over.
    over: Arc<OnceLock<std::result::Result<(), ServerError>>>,
}

impl Lock {
    /// Whether nothing is left to wait for. A child that is gone, or whose foreign key is, is kept from nothing: its lock
    /// fails or is granted at once.
    fn is_settled(&self) -> Result<bool, ServerError> {
        match self.over.get() {
            Some(Err(error)) if error.is_any(&errno::DENIED) => Err(error.clone()),
            Some(Err(error)) => Ok(error.code() == Some(errno::NO_SUCH_TABLE)),
            Some(Ok(())) => Ok(true),
            None => Ok(false),
        }
    }
}

/// The children of the table that is changed.
pub fn of_run(run: &Run) -> Vec<TableName> {
    run.checkpoint.foreign_keys.children.iter().map(|child| child.table.clone()).collect()
}

/// A connection for each child: connecting takes longer than a window.
pub async fn connect(run: &Run, children: &[TableName]) -> Result<Vec<Session>> {
    let what = "connecting for the foreign keys";
    let mut holders = Vec::new();
    for _ in children {
        let mut holder = run.server.session_for(Role::Work, what).await?;
        // They keep the application out, not InnoDB's own lock.
        let off = holder.execute("SET SESSION autocommit = 0, innodb_table_locks = 0").await;
        off.map_err(|error| server_failure(what, &error))?;
        holders.push(holder);
    }
    Ok(holders)
}

impl Children {
    /// Queues the locks. The table's own lock is held.
    pub fn hold(children: &[TableName], holders: Vec<Session>) -> Children {
        let free = CancellationToken::new();
        let lock = |(mut holder, child): (Session, &TableName)| {
            let connection = holder.connection();
            let sql = format!("LOCK TABLES {child} WRITE");
            let (free, over) = (free.clone(), Arc::new(OnceLock::new()));
            let outcome = Arc::clone(&over);
            let task = tokio::spawn(async move {
                // Without it, InnoDB may have to wait, and what it does fails and is done again.
                let locked = holder.execute(&sql).await.map(drop);
                if let Err(error) = &locked {
                    tracing::debug!("{sql} failed: {error}");
                }
                let _ = outcome.set(locked);
                free.cancelled().await;
                let _ = holder.execute("UNLOCK TABLES").await;
                holder
            });
            Lock { connection, task, over }
        };
        let locks = holders.into_iter().zip(children).map(lock).collect();
        Children { locks, free }
    }

    /// Whether there is nothing to hold.
    pub fn are_none(&self) -> bool {
        self.locks.is_empty()
    }

    /// From here on each lock that is granted is given up at once.
    pub fn free(&self) {
        self.free.cancel();
    }

    /// Waits until all are queued. An error when the account may not lock one.
    pub async fn are_queued(&self, watch: &mut Session) -> Result<bool, ServerError> {
        if self.locks.is_empty() {
            return Ok(true);
        }
        let started = Instant::now();
        loop {
            let processes = watch.processes().await?;
            let waits = |id: u32| processes.iter().any(|process| process.id == id && process.is_waiting());
            let mut queued = true;
            for lock in &self.locks {
                queued &= waits(lock.connection.number) || lock.is_settled()?;
            }
            if queued {
                return Ok(true);
            }
            if started.elapsed() > SEEN_WITHIN {
                return Ok(false);
            }
        }
    }

    /// Whether no transaction that may have locked rows of a child waits for the table or, with `Coming`, is likely to come
    /// to it now. To be asked once, as late as possible: InnoDB's list of transactions is renewed only when nobody has read
    /// it for 100 ms.
    pub async fn is_clear(&self, run: &Run, watch: &mut Session, of: Stuck) -> Result<bool, ServerError> {
        if self.locks.is_empty() {
            return Ok(true);
        }
        let in_the_way = match of {
            Stuck::Waiting => "p.state = 'Waiting for table metadata lock'".to_owned(),
            Stuck::Coming => format!("NOT (p.command = 'Sleep' AND p.time_ms >= {BETWEEN_STATEMENTS_MS})"),
        };
        let sql = format!(
            "SELECT 1 FROM information_schema.innodb_trx x \
             JOIN information_schema.processlist p ON p.id = x.trx_mysql_thread_id \
             WHERE x.trx_lock_structs > 0 AND p.db = {} AND {in_the_way} LIMIT 1",
            string_literal(run.change.original.schema.as_str())
        );
        match watch.first_row::<u64>(&sql).await {
            Ok(stuck) => Ok(stuck.is_none()),
            Err(error) if error.is_any(&errno::DENIED) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Needs that the table's own lock is over: only then these are granted. One that is not granted soon is waited for
    /// by transactions that wait for each other in InnoDB, which neither side sees.
    pub async fn release(self, run: &Run) -> Result<()> {
        self.free();
        let over = Instant::now();
        for Lock { connection, mut task, .. } in self.locks {
            let ended = loop {
                match timeout(LOOK, &mut task).await {
                    Ok(ended) => break ended,
                    Err(_) if over.elapsed() < GRANTED_WITHIN => {}
                    Err(_) => end_if_waiting(run, connection).await,
                }
            };
            let holder = ended.map_err(|error| Failure::new(Stop::Unexpected, "a lock panicked").cause(error))?;
            holder.close().await;
        }
        Ok(())
    }
}

/// KILL QUERY only while it waits: one that meets MariaDB opening a table breaks its triggers.
async fn end_if_waiting(run: &Run, connection: ConnectionId) {
    let Ok(processes) = run.server.processes().await else { return };
    if processes.iter().any(|process| process.id == connection.number && process.is_waiting())
        && let Err(error) = run.server.kill_query(connection.number).await
    {
        tracing::warn!("KILL QUERY {} failed: {error}", connection.number);
    }
}
