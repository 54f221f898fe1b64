//! A short window in which only we write a table: LOCK TABLES, got without making the application wait for it.
//!
//! A pending lock stops everything that comes after it, and a transaction that has read the table and then writes it
//! is chosen as deadlock victim (1213). So a request is never left pending for long: first it is made only when nobody
//! seems to hold the table, and given up at once; only when that does not work out for a while is it left pending, for
//! a few tens of milliseconds at a time, with pauses between.

pub mod repeated;
pub mod statement;

use std::fmt;
use std::time::{Duration, Instant};

use rand::RngExt;

use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events};
use crate::server::{Flavor, ServerError, Session, errno, server_failure};
use crate::sql::{TableName, string_literal};

/// How long requests are only made in quiet moments. Transactions of a busy application are over in a few
/// milliseconds, so a quiet moment usually comes within tens of milliseconds.
const QUIET_PHASE: Duration = Duration::from_secs(3);
/// Pause between two looks for a quiet moment.
const LOOK_PAUSE: Duration = Duration::from_millis(1);
/// How long a request that was made in a quiet moment may be pending on MySQL, which has no NOWAIT for LOCK TABLES:
/// enough for one round trip and a statement that slipped in between.
const QUIET_PENDING: Duration = Duration::from_millis(15);
/// First and longest time a request is left pending after the quiet phase.
const PENDING: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(160));
/// Pause after a request that was left pending, so that the application catches up: a multiple of the pending time.
const PAUSE_FACTOR: u32 = 6;

/// What a window is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A change of the definition by the server itself.
    Native,
    /// Creating or dropping triggers.
    Triggers,
    /// The swap.
    Cutover,
    /// Moving foreign keys after the swap.
    ForeignKeys,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Native => "native",
            Purpose::Triggers => "triggers",
            Purpose::Cutover => "cutover",
            Purpose::ForeignKeys => "foreign_keys",
        })
    }
}

/// An open window; the session holds the lock until `UNLOCK TABLES`.
#[derive(Debug)]
pub struct LockWindow {
    purpose: Purpose,
    granted: Instant,
}

/// How one round of trying ended.
#[derive(Debug)]
pub enum Round {
    /// The lock is held.
    Granted(LockWindow),
    /// The round's time is over.
    NotYet,
}

/// Tries for a window, over rounds between which the caller keeps the change log short.
#[derive(Debug, Clone)]
pub struct LockRequest<'a> {
    /// What for.
    pub purpose: Purpose,
    /// The application's table among `tables`.
    pub contended: &'a TableName,
    /// All tables the window's statements use, in name order.
    pub tables: Vec<&'a TableName>,
    /// When the lock was first asked for.
    started: Option<Instant>,
    attempt: u32,
    pending: Duration,
    patience: Duration,
    blocker: Option<String>,
    /// Whether it cannot be seen who holds the table: the account may not look, or the server does not note it.
    blind: bool,
    /// Whether it was found out that it can be seen.
    sighted: bool,
    /// The command that tries again.
    command: &'static str,
}

impl<'a> LockRequest<'a> {
    /// A request that gives up after `patience`.
    pub fn new(purpose: Purpose, contended: &'a TableName, tables: Vec<&'a TableName>, patience: Duration) -> Self {
        LockRequest {
            purpose,
            contended,
            tables,
            started: None,
            attempt: 0,
            pending: PENDING.0,
            patience,
            blocker: None,
            blind: false,
            sighted: false,
            command: "resume",
        }
    }

    /// Names the command that tries again, where that is not `resume`.
    pub fn asked_by(self, command: &'static str) -> Self {
        LockRequest { command, ..self }
    }

    /// Patience begins anew: the lock was granted, and given back for another reason.
    pub fn begin_anew(&mut self) {
        self.started = None;
    }

    /// Tries until the lock is granted; fails when patience is over.
    pub async fn granted(mut self, session: &mut Session, watch: &mut Session, events: &Events) -> Result<LockWindow> {
        loop {
            if let Round::Granted(window) = self.round(session, watch, events, self.patience).await? {
                return Ok(window);
            }
        }
    }

    /// Tries until the lock is granted or `round` is over; fails when patience is.
    pub async fn round(
        &mut self,
        session: &mut Session,
        watch: &mut Session,
        events: &Events,
        round: Duration,
    ) -> Result<Round> {
        let round_ends = Instant::now() + round;
        let started = *self.started.get_or_insert_with(Instant::now);
        loop {
            if started.elapsed() > self.patience {
                return Err(self.not_granted(watch).await);
            }
            let granted = if started.elapsed() < QUIET_PHASE && !self.blind {
                self.try_quietly(session, watch).await
            } else {
                self.try_pending(session, watch, events).await
            };
            if granted.map_err(|error| server_failure("locking the table for a moment", &error))? {
                let window = LockWindow { purpose: self.purpose, granted: Instant::now() };
                events.emit(Event::LockAttempt {
                    purpose: self.purpose.to_string(),
                    attempt: self.attempt,
                    granted: true,
                    pending: started.elapsed(),
                    blocker: None,
                });
                return Ok(Round::Granted(window));
            }
            if Instant::now() >= round_ends {
                return Ok(Round::NotYet);
            }
        }
    }

    async fn try_quietly(&mut self, session: &mut Session, watch: &mut Session) -> Result<bool, ServerError> {
        let granted = match session.server().facts.flavor {
            Flavor::MariaDb => {
                self.attempt += 1;
                let sql = format!("{} NOWAIT", lock_sql(&self.tables));
                granted(session.execute(&sql).await)?
            }
            Flavor::MySql => {
                if !self.sighted && !notes_locks(watch).await.or_else(denied)? {
                    self.blind = true;
                    return Ok(false);
                }
                self.sighted = true;
                match is_held(watch, &self.tables, &[session.id(), watch.id()]).await {
                    Ok(true) => false,
                    Ok(false) => {
                        self.attempt += 1;
                        lock_within(session, &self.tables, QUIET_PENDING).await?
                    }
                    // Requests made blindly need the longer pauses between them from the start.
                    Err(error) if error.is_any(&errno::DENIED) => {
                        self.blind = true;
                        false
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        if !granted {
            let jitter = rand::rng().random_range(0..1_000);
            tokio::time::sleep(LOOK_PAUSE + Duration::from_micros(jitter)).await;
        }
        Ok(granted)
    }

    async fn try_pending(
        &mut self,
        session: &mut Session,
        watch: &mut Session,
        events: &Events,
    ) -> Result<bool, ServerError> {
        self.attempt += 1;
        let pending = self.pending;
        if lock_within(session, &self.tables, pending).await? {
            return Ok(true);
        }
        self.blocker = holders(watch, self.contended, &[session.id(), watch.id()]).await?;
        events.emit(Event::LockAttempt {
            purpose: self.purpose.to_string(),
            attempt: self.attempt,
            granted: false,
            pending,
            blocker: self.blocker.clone(),
        });
        self.pending = (self.pending * 2).min(PENDING.1);
        let jitter = rand::rng().random_range(0.75..1.5);
        tokio::time::sleep((pending * PAUSE_FACTOR).mul_f64(jitter)).await;
        Ok(false)
    }

    async fn not_granted(&mut self, watch: &mut Session) -> Failure {
        if let Ok(Some(blocker)) = holders(watch, self.contended, &[watch.id()]).await {
            self.blocker = Some(blocker);
        }
        let what = format!(
            "no quiet moment on {} for the {} within {} s ({} attempts)",
            self.contended,
            self.purpose.to_string().replace('_', " "),
            self.patience.as_secs(),
            self.attempt
        );
        let failure = Failure::new(Stop::LockNotGranted, what)
            .table(match self.purpose {
                Purpose::Cutover => {
                    "untouched; what was copied is kept, and its triggers go on logging what is written"
                }
                Purpose::Native | Purpose::Triggers => "untouched",
                Purpose::ForeignKeys => {
                    "in place; not all of its foreign keys are changed, and those that are there hold"
                }
            })
            .next(format!("`replank {} {}` tries again", self.command, self.contended.argument()));
        match &self.blocker {
            Some(blocker) => failure.cause(format!("the table is held by {blocker}")),
            None => failure,
        }
    }
}

impl LockWindow {
    /// Ends the window.
    pub async fn unlock(self, session: &mut Session, events: &Events) -> Result<(), ServerError> {
        session.execute("UNLOCK TABLES").await?;
        self.ended(events);
        Ok(())
    }

    /// The window ended by itself, because the connection is gone or another session went on with it.
    pub fn ended(self, events: &Events) {
        events.emit(Event::LockWindow { purpose: self.purpose.to_string(), length: self.granted.elapsed() });
    }
}

fn lock_sql(tables: &[&TableName]) -> String {
    let tables: Vec<String> = tables.iter().map(|table| format!("{table} WRITE")).collect();
    format!("LOCK TABLES {}", tables.join(", "))
}

/// Not allowed to look is like nothing to see.
fn denied(error: ServerError) -> Result<bool, ServerError> {
    if error.is_any(&errno::DENIED) { Ok(false) } else { Err(error) }
}

fn granted(outcome: Result<u64, ServerError>) -> Result<bool, ServerError> {
    match outcome {
        Ok(_) => Ok(true),
        Err(error) if error.is_interrupted() => Ok(false),
        Err(error) if error.is_any(&[errno::LOCK_WAIT_TIMEOUT, errno::DEADLOCK, errno::LOCK_NOWAIT]) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn lock_within(session: &mut Session, tables: &[&TableName], pending: Duration) -> Result<bool, ServerError> {
    let (outcome, told_to_end) = session.execute_within(&lock_sql(tables), pending).await;
    let granted = granted(outcome)?;
    if told_to_end && !granted {
        // The KILL may have overtaken the answer to a lock that was granted; a lock nobody knows of would stay.
        match session.execute("UNLOCK TABLES").await {
            Ok(_) => {}
            Err(error) if error.is_interrupted() => drop(session.execute("UNLOCK TABLES").await?),
            Err(error) => return Err(error),
        }
    }
    if told_to_end && granted {
        // The KILL may have come after the lock was granted; it then ends the next statement, which is this one.
        match session.execute("DO 0").await {
            Ok(_) => {}
            Err(error) if error.is_interrupted() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(granted)
}

/// MySQL: whether anybody holds or waits for a metadata lock of one of the tables.
async fn is_held(watch: &mut Session, tables: &[&TableName], but: &[u32]) -> Result<bool, ServerError> {
    let sql = format!("SELECT 1 FROM {} LIMIT 1", metadata_locks(tables, but));
    match watch.first_row::<u64>(&sql).await {
        Ok(holder) => Ok(holder.is_some()),
        Err(error) => Err(error),
    }
}

/// MySQL: whether the server notes metadata locks at all; without that, every moment looks quiet.
async fn notes_locks(watch: &mut Session) -> Result<bool, ServerError> {
    let sql = "SELECT COUNT(*) FROM performance_schema.setup_instruments i \
               JOIN performance_schema.setup_consumers c ON c.name = 'global_instrumentation' AND c.enabled = 'YES' \
               WHERE i.name = 'wait/lock/metadata/sql/mdl' AND i.enabled = 'YES'";
    Ok(watch.first_row::<u64>(sql).await?.unwrap_or(0) > 0)
}

/// Who holds the table, for people; `None` where the server cannot say.
async fn holders(watch: &mut Session, table: &TableName, but: &[u32]) -> Result<Option<String>, ServerError> {
    let sql = match watch.server().facts.flavor {
        Flavor::MySql => format!(
            "SELECT CONCAT('connection ', t.processlist_id, ' (', COALESCE(t.processlist_user, ''), ', ', \
             COALESCE(t.processlist_command, ''), ' for ', COALESCE(t.processlist_time, 0), ' s)') \
             FROM {} ORDER BY t.processlist_time DESC LIMIT 1",
            metadata_locks(&[table], but)
        ),
        // Without the metadata_lock_info plugin MariaDB does not say who holds a table; the oldest transaction is the
        // likely one, and said to be only that.
        Flavor::MariaDb => format!(
            "SELECT CONCAT('probably connection ', x.trx_mysql_thread_id, ', whose transaction is open for ', \
             TIMESTAMPDIFF(SECOND, x.trx_started, NOW()), ' s') FROM information_schema.innodb_trx x \
             WHERE x.trx_mysql_thread_id NOT IN ({}) ORDER BY x.trx_started LIMIT 1",
            id_list(but)
        ),
    };
    match watch.first_row::<String>(&sql).await {
        Ok(holder) => Ok(holder),
        // Not allowed to look: the message does without.
        Err(error) if error.is_any(&errno::DENIED) => Ok(None),
        Err(error) => Err(error),
    }
}

fn metadata_locks(tables: &[&TableName], but: &[u32]) -> String {
    let names: Vec<String> = tables
        .iter()
        .map(|table| format!("({}, {})", string_literal(table.schema.as_str()), string_literal(table.table.as_str())))
        .collect();
    format!(
        "performance_schema.metadata_locks m JOIN performance_schema.threads t ON t.thread_id = m.owner_thread_id \
         WHERE m.object_type = 'TABLE' AND (m.object_schema, m.object_name) IN ({}) \
         AND t.processlist_id NOT IN ({})",
        names.join(", "),
        id_list(but)
    )
}

fn id_list(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
