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

use std::time::Duration;

use crate::error::{Failure, Result, Stop};
use crate::event::Event;
use crate::lock_window::{LockRequest, Purpose, Round};
use crate::mirror::Applier;
use crate::mirror::applier::{Stage, apply_sql};
use crate::run::Run;
use crate::runs::Identity;
use crate::schema;
use crate::server::retry::Tries;
use crate::server::{Flavor, Role, ServerError, Session, server_failure};
use crate::shadow::{self, TEMPORARY_KEY};
use crate::sql::TableName;
pub use reverse::arm;

/// Log rows left when a request for the lock is made: what has to be applied inside the window.
const FEW_ROWS: usize = 40;
/// How long one round of requests lasts before the log is drained again.
const ROUND: Duration = Duration::from_millis(60);
/// Rows applied per batch inside the window.
const WINDOW_BATCH: usize = 5_000;

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
}

/// Swaps the tables. The applier is idle outside its batches, so that it holds nothing while the lock is asked for.
pub async fn cut_over(run: &Run, applier: &mut Applier) -> Result<()> {
    let change = &run.change;
    let mut locker = run.server.session_for(Role::Work, "connecting for the cutover").await?;
    let mut watch = run.server.session_for(Role::Watch, "connecting for the cutover").await?;
    // With autocommit, every statement in the window would pay for its own flush; and START TRANSACTION unlocks.
    let settings = locker.execute("SET SESSION autocommit = 0, innodb_table_locks = 0").await;
    settings.map_err(|error| server_failure("preparing the cutover", &error))?;
    let mut tables = vec![&change.original, &change.shadow, &change.log.table];
    if run.checkpoint.reverse_armed {
        tables.push(&change.reverse_log.table);
    }
    let mut tries = Tries::of("raising the counter of the shadow");
    while let Err(error) = raise_counter(run, &mut locker).await {
        tries.recover(&mut locker, error, &run.events).await?;
    }
    let mut request = LockRequest::new(Purpose::Cutover, &change.original, tables, run.options.lock_patience);
    loop {
        run.check_stop()?;
        applier.drain_below(FEW_ROWS, &run.stop).await?;
        let Round::Granted(window) = request.round(&mut locker, &mut watch, &run.events, ROUND).await? else {
            continue;
        };
        let mut inside = Window { run, locker: &mut locker, watch: &mut watch };
        // From here on the stop is not looked at: the window ends one way or the other within tens of milliseconds.
        let attempt = match run.server.facts.flavor {
            Flavor::MySql => mysql::swap(&mut inside).await,
            Flavor::MariaDb => mariadb::swap(&mut inside).await,
        };
        match attempt {
            Ok(Attempt::Swapped) => {
                window.ended(&run.events);
                break;
            }
            Ok(Attempt::Again(error)) => {
                window.ended(&run.events);
                run.events.emit(Event::Retry { what: "the swap".into(), attempt: 0, error: error.to_string() });
                tokio::time::sleep(Duration::from_millis(200)).await;
                if locker.is_lost() {
                    locker.reconnect().await.map_err(|error| server_failure("connecting for the cutover", &error))?;
                    let settings = locker.execute("SET SESSION autocommit = 0, innodb_table_locks = 0").await;
                    settings.map_err(|error| server_failure("preparing the cutover", &error))?;
                }
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

impl Window<'_> {
    /// Applies what is left of the log; nobody can add to it.
    pub(crate) async fn drain(&mut self) -> Result<(), ServerError> {
        let change = &self.run.change;
        loop {
            let entries = change.log.read(self.locker, WINDOW_BATCH).await?;
            if entries.is_empty() {
                return Ok(());
            }
            for sql in apply_sql(change, &entries, Stage::Settled) {
                self.locker.execute(&sql).await?;
            }
            self.locker.execute("COMMIT").await?;
        }
    }

    /// Refuses to go on when the original is not the table that was copied, or its writes were not logged.
    pub(crate) async fn check_unchanged(&mut self) -> Result<()> {
        let change = &self.run.change;
        let failed = |error: ServerError| server_failure("checking the table before the swap", &error);
        let present = change.mirror.present(self.locker).await.map_err(failed)?;
        if present < 3 {
            return Err(foreign_change(&change.original, "triggers of this run are missing or different"));
        }
        let now = identity(self.locker, &change.original).await.map_err(failed)?;
        match &self.run.checkpoint.original {
            Some(then) if *then != now && then.definition != now.definition => {
                Err(foreign_change(&change.original, "its definition was changed by somebody else"))
            }
            Some(then) if *then != now => {
                Err(foreign_change(&change.original, "it was truncated or rebuilt by somebody else"))
            }
            _ => Ok(()),
        }
    }

    /// Brings the counter of the shadow up to the original's, and takes the temporary index off.
    pub(crate) async fn finish_shadow(&mut self) -> Result<(), ServerError> {
        raise_counter(self.run, self.locker).await?;
        if self.run.checkpoint.temporary_key {
            let shadow = &self.run.change.shadow;
            let definition = schema::create_sql(self.locker, shadow).await?.unwrap_or_default();
            if !definition.contains(&format!("`{TEMPORARY_KEY}`")) {
                return Ok(());
            }
            let sql = format!("ALTER TABLE {shadow} DROP INDEX `{TEMPORARY_KEY}`, ALGORITHM=INPLACE");
            self.locker.execute(&sql).await?;
        }
        Ok(())
    }

    /// After a lost connection: which of the names exist decides whether the swap happened.
    pub(crate) async fn outcome(&mut self, error: ServerError) -> Result<Attempt> {
        match happened(self.run).await {
            Ok(true) => Ok(Attempt::Swapped),
            Ok(false) => Ok(Attempt::Again(error)),
            Err(second) => {
                let table = self.run.change.original.plain();
                Err(Failure::new(Stop::OutcomeUnknown, format!("the connection was lost while {table} was swapped"))
                    .table("unknown: the server could not be asked")
                    .next(format!("when the server answers again: `replank resume {table}` finds out and goes on"))
                    .cause(format!("{error}; then {second}")))
            }
        }
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
    let old = schema::exists(&mut session, &run.change.old).await?;
    let kept = schema::exists(&mut session, &run.change.kept).await?;
    session.close().await;
    Ok(original && !shadow && (old || kept))
}

fn foreign_change(original: &TableName, what: &str) -> Failure {
    Failure::new(Stop::Occupied, format!("{original} is not the table that was copied: {what}"))
        .table("untouched by replank; the copy would not have that change")
        .next(format!("`replank abort {}`, then run the change again", original.plain()))
}

/// What a table is now, to be compared with what it was.
pub async fn identity(session: &mut Session, table: &TableName) -> Result<Identity, ServerError> {
    let definition = schema::create_sql(session, table).await?.unwrap_or_default();
    let definition = shadow::without_counter(&definition);
    Ok(Identity { definition, table_id: table_id(session, table).await? })
}

/// InnoDB's number of a table; `None` without the PROCESS privilege or for a partitioned table.
async fn table_id(session: &mut Session, table: &TableName) -> Result<Option<u64>, ServerError> {
    let view = match session.server().facts.flavor {
        Flavor::MySql => "innodb_tables",
        Flavor::MariaDb => "innodb_sys_tables",
    };
    let name = format!("{}/{}", file_name(table.schema.as_str()), file_name(table.table.as_str()));
    let sql =
        format!("SELECT table_id FROM information_schema.{view} WHERE name = {}", crate::sql::string_literal(&name));
    match session.first_row::<u64>(&sql).await {
        Ok(id) => Ok(id),
        Err(error) if error.is_any(&crate::server::errno::DENIED) => Ok(None),
        Err(error) => Err(error),
    }
}

/// InnoDB stores names as file names: other ASCII characters than letters, digits and `_` as `@` and four digits.
fn file_name(name: &str) -> String {
    let mut encoded = String::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() || character == '_' {
            encoded.push(character);
        } else {
            encoded.push_str(&format!("@{:04x}", u32::from(character)));
        }
    }
    encoded
}
