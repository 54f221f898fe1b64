//! A statement of a script that takes the lock of a table by itself.
//!
//! It cannot be run inside a [`super::LockWindow`]: it is the script's, runs in the script's session, and the servers
//! take some of these statements under LOCK TABLES only in part. So the waiting itself is kept short: the statement
//! gives up and is sent again, with pauses, as the requests for a window are.
//!
//! MariaDB is not told to give up by KILL, which breaks tables when it meets a trigger that is made or dropped (1343); its
//! sessions can be told not to wait at all, or for one second. On MySQL, where definitions change as a whole or not at
//! all, the statement is killed while it waits.

use std::time::{Duration, Instant};

use rand::RngExt;
use tokio_util::sync::CancellationToken;

use super::{LOOK_PAUSE, PAUSE_FACTOR, PENDING, QUIET_PHASE, holders, is_held, notes_locks};
use crate::event::{Event, Events};
use crate::server::{Flavor, Role, ServerError, Session, errno};
use crate::sql::TableName;

/// What a request of this kind is called in events.
const PURPOSE: &str = "statement";

/// A statement and what bounds it.
#[derive(Debug)]
pub struct LockingStatement<'a> {
    /// The statement, as it is in the script.
    pub sql: &'a str,
    /// The tables it locks, as far as they are known.
    pub tables: &'a [TableName],
    /// How long it is tried. The session waits for as long when nothing else is said.
    pub patience: Duration,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// The server's answer, with the number of results before an error.
    pub ran: Result<(), (usize, ServerError)>,
    /// Whether it was given up because of a stop; it has not happened then.
    pub stopped: bool,
    /// Who held a table when it was last asked for.
    pub blocker: Option<String>,
}

struct Attempts<'a> {
    statement: &'a LockingStatement<'a>,
    watch: Option<Session>,
    started: Instant,
    number: u32,
    pending: Duration,
    /// How long MariaDB's session waits, in seconds, where that was changed.
    waits: Option<u8>,
    blocker: Option<String>,
    /// Whether it can be seen who holds a table, once that is known.
    sighted: Option<bool>,
}

impl LockingStatement<'_> {
    /// Runs it in the session.
    pub async fn run(&self, session: &mut Session, events: &Events, stop: &CancellationToken) -> Ended {
        let mut attempts = Attempts {
            statement: self,
            watch: None,
            started: Instant::now(),
            number: 0,
            pending: PENDING.0,
            waits: None,
            blocker: None,
            sighted: None,
        };
        let (ran, stopped) = attempts.run(session, events, stop).await;
        if attempts.waits.is_some() && !session.is_lost() {
            let sql = format!("SET SESSION lock_wait_timeout = {}", self.patience.as_secs().max(1));
            if let Err(error) = session.execute(&sql).await {
                tracing::warn!("`{sql}` failed: {error}");
            }
        }
        if let Some(watch) = attempts.watch {
            watch.close().await;
        }
        Ended { ran, stopped, blocker: attempts.blocker }
    }
}

impl Attempts<'_> {
    async fn run(
        &mut self,
        session: &mut Session,
        events: &Events,
        stop: &CancellationToken,
    ) -> (Result<(), (usize, ServerError)>, bool) {
        loop {
            let is_quiet = self.started.elapsed() < QUIET_PHASE;
            let began = Instant::now();
            let tried = match session.server().facts.flavor {
                Flavor::MariaDb => self.try_on_mariadb(session, is_quiet).await,
                Flavor::MySql => self.try_on_mysql(session, is_quiet).await,
            };
            let Some(ran) = tried else { return (Ok(()), false) };
            // Nothing was tried, or it did not get its locks.
            let given_up = match ran {
                None => None,
                Some((0, error)) if error.code() == Some(errno::LOCK_WAIT_TIMEOUT) => Some(error),
                Some(failed) => return (Err(failed), false),
            };
            if stop.is_cancelled() {
                return (Ok(()), true);
            }
            if given_up.is_some() && !is_quiet {
                self.tell(session, events, began.elapsed()).await;
            }
            if self.started.elapsed() > self.statement.patience {
                self.look_for_blocker(session).await;
                return (Err((0, given_up.unwrap_or_else(timed_out))), false);
            }
            let jitter = rand::rng().random_range(0.75..1.5);
            let pause = match given_up {
                // Those who waited meanwhile get their turn.
                Some(_) => (began.elapsed() * PAUSE_FACTOR).max(LOOK_PAUSE),
                None => LOOK_PAUSE,
            };
            tokio::select! {
                () = tokio::time::sleep(pause.mul_f64(jitter)) => {}
                () = stop.cancelled() => return (Ok(()), true),
            }
        }
    }

    /// `None` when it was run; else its error.
    async fn try_on_mariadb(&mut self, session: &mut Session, is_quiet: bool) -> Option<Option<(usize, ServerError)>> {
        let waits = u8::from(!is_quiet);
        if self.waits != Some(waits) {
            if let Err(error) = session.execute(&format!("SET SESSION lock_wait_timeout = {waits}")).await {
                return Some(Some((0, error)));
            }
            self.waits = Some(waits);
        }
        self.number += 1;
        session.execute_all(self.statement.sql).await.err().map(Some)
    }

    /// The same; `Some(None)` when somebody holds a table and nothing was tried.
    async fn try_on_mysql(&mut self, session: &mut Session, is_quiet: bool) -> Option<Option<(usize, ServerError)>> {
        // The first attempt does not look: mostly nobody is in the way.
        if is_quiet && self.number > 0 && self.is_held(session).await {
            return Some(None);
        }
        let pending = if is_quiet { PENDING.0 } else { self.pending };
        self.number += 1;
        let (ran, told_to_end) = session.execute_all_unless_waiting(self.statement.sql, pending).await;
        if !told_to_end {
            return ran.err().map(Some);
        }
        if !is_quiet {
            self.pending = (self.pending * 2).min(PENDING.1);
        }
        match ran {
            Err((_, error)) if error.is_interrupted() => Some(Some((0, timed_out()))),
            ran => {
                // The KILL came too late for the statement and ends the next one, which is this.
                match session.execute("DO 0").await {
                    Err(error) if !error.is_interrupted() => tracing::warn!("`DO 0` failed: {error}"),
                    _ => {}
                }
                ran.err().map(Some)
            }
        }
    }

    /// Whether somebody is seen to hold a table; where that cannot be seen, nobody.
    async fn is_held(&mut self, session: &mut Session) -> bool {
        let Some(watch) = watch(&mut self.watch, session).await else { return false };
        let sighted = match self.sighted {
            Some(sighted) => sighted,
            None => *self.sighted.insert(notes_locks(watch).await.unwrap_or(false)),
        };
        if !sighted {
            return false;
        }
        let ids = [session.id(), watch.id()];
        for table in self.statement.tables {
            if is_held(watch, &[table], &ids).await.unwrap_or(false) {
                return true;
            }
        }
        false
    }

    async fn look_for_blocker(&mut self, session: &mut Session) {
        let Some(watch) = watch(&mut self.watch, session).await else { return };
        let ids = [session.id(), watch.id()];
        for table in self.statement.tables {
            if let Ok(Some(blocker)) = holders(watch, table, &ids).await {
                self.blocker = Some(blocker);
                return;
            }
        }
    }

    async fn tell(&mut self, session: &mut Session, events: &Events, pending: Duration) {
        self.look_for_blocker(session).await;
        let (purpose, attempt, blocker) = (PURPOSE.to_owned(), self.number, self.blocker.clone());
        events.emit(Event::LockAttempt { purpose, attempt, granted: false, pending, blocker });
    }
}

async fn watch<'w>(slot: &'w mut Option<Session>, session: &Session) -> Option<&'w mut Session> {
    if slot.as_ref().is_none_or(Session::is_lost) {
        *slot = session.server().session(Role::Watch).await.ok();
    }
    slot.as_mut()
}

/// What the server says of a lock that was not granted in time, for one that was not asked for long enough.
fn timed_out() -> ServerError {
    ServerError::Server {
        code: errno::LOCK_WAIT_TIMEOUT,
        state: "HY000".to_owned(),
        message: "Lock wait timeout exceeded; try restarting transaction".to_owned(),
    }
}
