//! The swap: inside one short lock window the log is drained to zero, everything is checked once more, and both tables
//! change places by one atomic RENAME.
//!
//! The mirror triggers stay on the old table until cleanup and the reverse triggers are on the shadow beforehand, so
//! the window holds no trigger statement, and whatever fails inside it leaves a table whose writes are still logged.
//!
//! Invariant: a RENAME is sent only after the log was seen empty under the lock, the triggers were seen in place and
//! the original was seen to be the table that was copied.

mod mariadb;
mod mysql;
mod reverse;
mod snapshots;
mod unchanged;

use std::time::Duration;

use crate::change::{Change, Direction};
use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Phase};
use crate::foreign_keys;
use crate::index;
use crate::lock_window::{LockRequest, Purpose, Round};
use crate::mirror::Applier;
use crate::mirror::applier::{Stage, apply_sql};
use crate::run::Run;
use crate::schema;
use crate::server::retry::{Tries, patiently};
use crate::server::{ConnectionId, Disposition, Flavor, Role, ServerError, Session, server_failure};
use crate::shadow::{self, TEMPORARY_KEY};
use crate::sql::Ident;
pub use mariadb::{close_gate_sql, is_gate, open_gate_sql};
pub use reverse::arm;
use snapshots::Older;
pub use unchanged::{difference, identity, identity_like};

/// Log rows left when a request for the lock is made: what has to be applied inside the window.
const FEW_ROWS: usize = 40;
/// How long one round of requests lasts before the log is drained again.
const ROUND: Duration = Duration::from_millis(60);
/// Log rows that are applied inside the window, at most: some tens of milliseconds. A transaction that wrote many rows
/// and committed just before the lock was granted is drained outside.
const WINDOW_MOST: usize = 2_000;

/// How often and how long after each other the server is asked for the outcome of a swap: longer than a restart takes.
const ASKED: u32 = 60;
const ASKED_AFTER: Duration = Duration::from_millis(500);

/// What a swap needs under its lock.
pub(crate) struct Window<'a> {
    run: &'a Run,
    /// Holds LOCK TABLES.
    locker: &'a mut Session,
    /// Looks at the process list and holds nothing.
    watch: &'a mut Session,
}

/// How an attempt inside a window ended.
pub(crate) enum Attempt {
    /// The tables are swapped.
    Swapped,
    /// Nothing happened; the lock is released and the mirror is in place.
    Again(ServerError),
    /// The same, because the log turned out to be long.
    Backlog,
    /// The same, because snapshots are older than what was drained.
    OlderSnapshots {
        /// Whether what was made ready has to be made again.
        undone: bool,
    },
}

/// Swaps the tables. The applier is idle outside its batches, so that it holds nothing while the lock is asked for.
pub async fn cut_over(run: &Run, applier: &mut Applier) -> Result<()> {
    let change = &run.change;
    let mariadb = run.server.facts.flavor == Flavor::MariaDb;
    let mut locker = run.server.session_for(Role::Work, "connecting for the cutover").await?;
    let mut watch = run.server.session_for(Role::Watch, "connecting for the cutover").await?;
    let mut tables = vec![&change.original, &change.shadow, &change.log.table];
    if mariadb {
        tables.push(&change.old);
    }
    if run.checkpoint.reverse_armed {
        tables.push(&change.reverse_log.table);
    }
    // The foreign keys are made in the window.
    tables.extend(run.checkpoint.foreign_keys.locked_parents(&change.original, run.server.facts.flavor));
    if let Some(aside) = &change.aside {
        tables.push(&aside.table);
    }
    let tables = run.checkpoint.foreign_keys.met_first(&change.original, tables, run.server.facts.flavor);
    make_ready(run, &mut locker).await?;
    let mut request = LockRequest::new(Purpose::Cutover, &change.original, tables, run.options.lock_patience);
    // Connecting takes longer than all that happens inside the window.
    let mut renamer = None;
    let mut attempts = 0;
    let mut older = Older::new();
    loop {
        run.check_stop()?;
        applier.drain_below(FEW_ROWS, &run.stop).await?;
        // A drain that was told to stop leaves a log that must not be drained under the lock.
        run.check_stop()?;
        match older.have_ended(run, &mut watch).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(_) if watch.is_lost() => {
                make_ready_again(run, &mut locker, &mut watch).await?;
                continue;
            }
            Err(failure) => return Err(failure),
        }
        if mariadb && renamer.is_none() {
            renamer = Some(mariadb::Movers::connect(run).await?);
        }
        let window = match request.round(&mut locker, &mut watch, &run.events, ROUND).await {
            Ok(Round::Granted(window)) => window,
            Ok(Round::NotYet) => continue,
            // The request's own patience ends this.
            Err(_) if locker.is_lost() || watch.is_lost() => {
                make_ready_again(run, &mut locker, &mut watch).await?;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let mut inside = Window { run, locker: &mut locker, watch: &mut watch };
        // From here on the stop is not looked at: the window ends one way or the other within tens of milliseconds.
        let attempt = match renamer.take() {
            Some(renamer) => mariadb::swap(&mut inside, renamer, &mut older, attempts).await,
            None => mysql::swap(&mut inside).await,
        };
        if !matches!(attempt, Ok(Attempt::OlderSnapshots { .. })) {
            attempts += 1;
        }
        match attempt {
            Ok(Attempt::Swapped) => {
                window.ended(&run.events);
                break;
            }
            Ok(Attempt::Backlog) => window.ended(&run.events),
            // These are waited for first.
            Ok(Attempt::OlderSnapshots { undone }) => {
                window.ended(&run.events);
                request.begin_anew();
                if undone {
                    make_ready_again(run, &mut locker, &mut watch).await?;
                }
            }
            Ok(Attempt::Again(error)) => {
                window.ended(&run.events);
                run.events.emit(Event::Retry { what: "the swap".into(), attempt: 0, error: error.to_string() });
                tokio::time::sleep(Duration::from_millis(200)).await;
                make_ready_again(run, &mut locker, &mut watch).await?;
            }
            Err(failure) => {
                let _ = locker.execute("UNLOCK TABLES").await;
                window.ended(&run.events);
                return Err(failure);
            }
        }
    }
    locker.close().await;
    watch.close().await;
    Ok(())
}

/// Makes ready again after an attempt that failed, with sessions that may be lost.
async fn make_ready_again(run: &Run, locker: &mut Session, watch: &mut Session) -> Result<()> {
    let mut tries = Tries::of("connecting for the cutover");
    for session in [&mut *locker, watch] {
        if session.is_lost() {
            tries.recover(session, ServerError::Lost("connection lost".into()), &run.events).await?;
        }
    }
    make_ready(run, locker).await
}

/// What can be done before the window, and what a failed attempt has undone.
async fn make_ready(run: &Run, locker: &mut Session) -> Result<()> {
    index::restore_temporary_key(run).await?;
    foreign_keys::window::withdraw_left(run).await?;
    let mut tries = Tries::of("preparing the cutover");
    loop {
        match try_to_make_ready(run, locker).await {
            Ok(None) => return Ok(()),
            Ok(Some(failure)) => return Err(failure),
            Err(error) => tries.recover(locker, error, &run.events).await?,
        }
    }
}

/// Stops where somebody has changed the table, or what hangs on it, since it was copied.
pub async fn refuse_foreign_change(run: &Run) -> Result<()> {
    let mut session = run.server.session_for(Role::Work, "connecting for the cutover").await?;
    let looking = "looking at the table before the cutover";
    let difference =
        patiently(looking, &mut session, async |session| unchanged::difference_before_window(run, session).await);
    let difference = difference.await?;
    session.close().await;
    difference.map_or(Ok(()), |what| Err(foreign_change(&run.change, &what)))
}

async fn try_to_make_ready(run: &Run, locker: &mut Session) -> Result<Option<Failure>, ServerError> {
    // With autocommit, every statement in the window would pay for its own flush; and START TRANSACTION unlocks.
    locker.execute("SET SESSION autocommit = 0, innodb_table_locks = 0").await?;
    if let Some(what) = unchanged::difference_before_window(run, locker).await? {
        return Ok(Some(foreign_change(&run.change, &what)));
    }
    let in_the_way = schema::create_sql(locker, &run.change.old).await?;
    if in_the_way.is_some_and(|definition| !mariadb::is_gate(&definition)) {
        let failure = Failure::new(Stop::Occupied, format!("{} exists and is not ours", run.change.old));
        return Ok(Some(failure.next("rename or drop that table; the old table needs its name")));
    }
    raise_counter(run, locker).await?;
    if run.server.facts.flavor == Flavor::MariaDb {
        mariadb::close_gate(run, locker).await?;
    }
    // A snapshot of the reads above would otherwise be what the window sees.
    locker.execute("COMMIT").await?;
    Ok(None)
}

/// Removes what a cutover that did not swap has left beside the original.
pub async fn remove_leftovers(run: &Run, session: &mut Session) -> Result<(), ServerError> {
    mariadb::remove_gate(run, session).await
}

impl Window<'_> {
    /// Applies what is left of the log; nobody can add to it. False when that is too much to do under the lock.
    pub(crate) async fn drain(&mut self) -> Result<bool, ServerError> {
        let change = &self.run.change;
        // At once, because a unique value that moved between two batches would clash.
        let entries = change.log.read(self.locker, WINDOW_MOST + 1).await?;
        if entries.is_empty() || entries.len() > WINDOW_MOST {
            return Ok(entries.is_empty());
        }
        for sql in apply_sql(change, &entries, Stage::Settled) {
            self.locker.execute(&sql).await?;
        }
        self.locker.execute("COMMIT").await?;
        Ok(true)
    }

    /// Why the swap must not happen: the original is not the table that was copied, or its writes were not logged.
    pub(crate) async fn difference(&mut self) -> Result<Option<Failure>, ServerError> {
        let change = &self.run.change;
        if let Some(what) = unchanged::difference(self.run, self.locker).await? {
            return Ok(Some(foreign_change(change, &what)));
        }
        if let Some(name) = self.run.relocation().unmuted_one(self.locker).await? {
            let what = format!("its trigger {name} was made again");
            return Ok(Some(foreign_change(change, &what)));
        }
        // The log is empty and the lock is held, so a row that only the shadow has was taken away behind the triggers.
        let missing = unchanged::is_missing_rows(self.run, self.locker).await?;
        Ok(missing.then(|| foreign_change(change, "rows were removed from it past the triggers")))
    }

    /// Brings the counter of the shadow up to the original's, takes the temporary index off, and makes its foreign keys.
    pub(crate) async fn finish_shadow(&mut self) -> Result<(), ServerError> {
        raise_counter(self.run, self.locker).await?;
        if self.run.checkpoint.temporary_key {
            let shadow = &self.run.change.shadow;
            let temporary = Ident::new(TEMPORARY_KEY);
            let sql = format!("ALTER TABLE {shadow} DROP INDEX {temporary}, ALGORITHM=INPLACE");
            self.locker.execute(&sql).await?;
        }
        foreign_keys::window::take_over(self.run, self.locker).await
    }

    /// Unlocks before anything was done.
    pub(crate) async fn postpone(&mut self) -> Result<Attempt> {
        for sql in ["ROLLBACK", "UNLOCK TABLES"] {
            if let Err(error) = self.locker.execute(sql).await {
                return self.give_back(error).await;
            }
        }
        Ok(Attempt::Backlog)
    }

    /// The same for the sake of snapshots.
    async fn postpone_for_snapshots(&mut self) -> Result<Attempt> {
        match self.postpone().await? {
            Attempt::Backlog => Ok(Attempt::OlderSnapshots { undone: false }),
            other => Ok(other),
        }
    }

    /// Unlocks after an attempt that failed; the tables are what they were.
    pub(crate) async fn give_back(&mut self, error: ServerError) -> Result<Attempt> {
        if !self.locker.is_lost() {
            let _ = self.locker.execute("ROLLBACK").await;
            // What cannot be taken back under the lock is, before the next attempt.
            let _ = foreign_keys::window::withdraw(self.run, self.locker).await;
            let unlocked = self.locker.execute("UNLOCK TABLES").await;
            unlocked.map_err(|error| server_failure("unlocking", &error))?;
        }
        if error.disposition() == Disposition::Fatal {
            return Err(server_failure("the swap", &error));
        }
        Ok(Attempt::Again(error))
    }

    /// After a lost connection: which of the names exist decides whether the swap happened. Asked only when the server
    /// has forgotten the connections, because until then it may still be renaming.
    pub(crate) async fn outcome(&mut self, connections: &[ConnectionId], error: ServerError) -> Result<Attempt> {
        let mut asked = self.ask(connections).await;
        for _ in 1..ASKED {
            if asked.is_ok() {
                break;
            }
            tokio::time::sleep(ASKED_AFTER).await;
            asked = self.ask(connections).await;
        }
        match asked {
            Ok(true) => Ok(Attempt::Swapped),
            Ok(false) => Ok(Attempt::Again(error)),
            Err(second) => {
                let table = self.run.change.original.argument();
                Err(Failure::new(Stop::OutcomeUnknown, format!("the connection was lost while {table} was swapped"))
                    .table("unknown: the server could not be asked")
                    .next(format!("when the server answers again: `replank resume {table}` finds out and goes on"))
                    .cause(format!("{error}; then {second}")))
            }
        }
    }

    async fn ask(&self, connections: &[ConnectionId]) -> Result<bool, ServerError> {
        for connection in connections {
            self.run.server.bury(*connection).await?;
        }
        happened(self.run).await
    }
}

/// Raises the shadow's counter to the original's when it is behind. Done before the window, so that inside it only
/// ids that were taken and given up in the last moments are left to make up for, which takes a statement of its own.
async fn raise_counter(run: &Run, session: &mut Session) -> Result<(), ServerError> {
    let change = &run.change;
    if !change.mapping.pairs.iter().any(|pair| pair.target.is_auto_increment()) {
        return Ok(());
    }
    let original = schema::create_sql(session, &change.original).await?.unwrap_or_default();
    let shadow = schema::create_sql(session, &change.shadow).await?.unwrap_or_default();
    if let Some(counter) = shadow::counter(&original)
        && shadow::counter(&shadow).unwrap_or(1) < counter
    {
        let sql = format!("ALTER TABLE {} AUTO_INCREMENT = {counter}, ALGORITHM=INPLACE", change.shadow);
        session.execute(&sql).await?;
    }
    Ok(())
}

/// Whether the swap has happened, from the names alone.
pub async fn happened(run: &Run) -> Result<bool, ServerError> {
    let mut session = run.server.session(Role::Work).await?;
    let original = schema::exists(&mut session, &run.change.original).await?;
    let shadow = schema::exists(&mut session, &run.change.shadow).await?;
    let old = schema::create_sql(&mut session, &run.change.old).await?;
    let kept = schema::exists(&mut session, &run.change.kept).await?;
    session.close().await;
    let old = old.is_some_and(|definition| !mariadb::is_gate(&definition));
    // An old table is moved away only after the swap was told.
    Ok(original && !shadow && (old || (kept && run.row.phase >= Phase::Record)))
}

fn foreign_change(change: &Change, what: &str) -> Failure {
    let original = &change.original;
    let (not_it, lost, again) = match change.direction {
        Direction::Forward => {
            ("is not the table that was copied", "the copy would not have that change", "run the change again")
        }
        Direction::Back => (
            "is not the table that was to be rolled back",
            "the old table would not have that change",
            "roll it back again",
        ),
    };
    Failure::new(Stop::Occupied, format!("{original} {not_it}: {what}"))
        .table(format!("untouched by replank; {lost}"))
        .next(format!("`replank abort {}`, then {again}", original.argument()))
}
