//! The triggers of a table on their way to the one that takes its name.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::exchange::Exchange;
use super::{Facts, UserTrigger};
use crate::error::{Failure, Result, Stop};
use crate::event::Events;
use crate::foreign_keys::family::named_parents;
use crate::lock_window::{LockRequest, Purpose, Round};
use crate::mirror::triggers::LogTriggers;
use crate::plan::grants::Account;
use crate::plan::names::{muted_trigger, staged_trigger};
use crate::schema;
use crate::schema::relations::triggers_named_sql;
use crate::server::retry::{Tries, patiently};
use crate::server::{Disposition, Role, Server, ServerError, Session, WRITER, errno, server_failure};
use crate::sql::{Ident, TableName, string_literal};

/// Under which name and in which words a trigger is on a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Its own.
    Own,
    /// Still in sessions of replank's own.
    Staged,
    /// Still in sessions that have written the other table through the row mirror, which is after the swap only.
    Muted,
}

/// How long a round of requests for a lock lasts before a stop is looked at.
const ROUND: Duration = Duration::from_secs(1);

/// How long a statement of a lost connection may take: it waits for a metadata lock for two seconds at most.
const LAST_STATEMENT: Duration = Duration::from_secs(30);

/// The triggers of the table that the application knows as `live`.
pub struct Relocation<'a> {
    /// The server.
    pub server: &'a Arc<Server>,
    /// Where retries and lock windows are told.
    pub events: &'a Events,
    /// The triggers, in the order in which they fire.
    pub triggers: &'a [UserTrigger],
    /// The name of the table that the application writes, before the swap and after it.
    pub live: &'a TableName,
    /// How long a lock is asked for.
    pub patience: Duration,
    /// The user variable by which the muted ones know that the swap was; `None` before any may be muted, and where nothing
    /// writes the old table after the swap.
    pub muted_by: Option<&'a str>,
    /// The command that tries again where a lock is not granted.
    pub command: &'static str,
    /// A name for a trigger that is there for a moment; should it be left over, the end of the swap's triggers drops it.
    pub spare: &'a Ident,
}

impl Relocation<'_> {
    /// Lets the server make every trigger on a table that is to have them, and drops them again.
    pub async fn prove(&self, onto: &TableName) -> Result<()> {
        if self.triggers.is_empty() {
            return Ok(());
        }
        let mut session = self.server.session_for(Role::Work, "connecting for the triggers").await?;
        let mut tries = Tries::of("trying the triggers on the new definition");
        let proved = loop {
            match self.create_staged(&mut session, onto).await {
                Err((_, error)) if error.disposition() != Disposition::Fatal => {
                    self.recover(&mut tries, &mut session, error).await?;
                }
                proved => break proved,
            }
        };
        let dropped = self.drop_staged(&mut session).await;
        session.close().await;
        proved.map_err(|(trigger, error)| self.does_not_work(trigger, &error))?;
        dropped.map_err(|error| server_failure("dropping triggers that were tried", &error))
    }

    /// Makes the staged triggers on the table that is about to take the name. `last` are triggers of ours on it, which
    /// are dropped: made after these, they come last.
    pub async fn stage(&self, onto: &TableName, last: &LogTriggers) -> Result<()> {
        if self.triggers.is_empty() {
            return Ok(());
        }
        let mut session = self.server.session_for(Role::Work, "connecting for the triggers").await?;
        let mut tries = Tries::of("making the triggers of the new table");
        loop {
            let staged = match last.drop(&mut session).await {
                Ok(()) => self.create_staged(&mut session, onto).await.map_err(|(_, error)| error),
                Err(error) => Err(error),
            };
            match staged {
                Ok(()) => break,
                Err(error) => self.recover(&mut tries, &mut session, error).await?,
            }
        }
        session.close().await;
        Ok(())
    }

    /// Drops staged triggers of a table that is not going to take the name.
    pub async fn unstage(&self) -> Result<()> {
        let mut session = self.server.session_for(Role::Work, "connecting for the triggers").await?;
        let mut tries = Tries::of("dropping the triggers that were made for the swap");
        while let Err(error) = self.drop_staged(&mut session).await {
            self.recover(&mut tries, &mut session, error).await?;
        }
        session.close().await;
        Ok(())
    }

    /// Names the command that tries again, where that is not `resume`.
    pub fn asked_by(self, command: &'static str) -> Self {
        Relocation { command, ..self }
    }

    /// Mutes the triggers of the table that is about to become the old one: from the swap until its foreign keys are moved
    /// the row mirror writes it, and must not fire them once more. Until then they do what they did. `check_stop` fails
    /// when this is to end.
    pub async fn mute(&self, check_stop: &(dyn Fn() -> Result<()> + Sync)) -> Result<()> {
        let exchange = Exchange { relocation: self, on: self.live, from: Form::Own, to: Form::Muted, last: None };
        self.exchange_all(&exchange, check_stop).await
    }

    /// Takes that back, wherever the table is now. A killed process may still be at it: nothing is believed that was seen
    /// without a lock.
    pub async fn unmute(&self) -> Result<()> {
        if self.muted_by.is_none() {
            return Ok(());
        }
        let mut watch = self.server.session_for(Role::Watch, "connecting for the triggers").await?;
        let on = patiently("looking for the triggers of the table", &mut watch, async |session| {
            self.where_they_are(session).await
        })
        .await?;
        watch.close().await;
        let Some(on) = on else { return Ok(()) };
        let exchange = Exchange { relocation: self, on: &on, from: Form::Muted, to: Form::Own, last: None };
        self.exchange_all(&exchange, &|| Ok(())).await
    }

    /// The table that has muted triggers, or else the one that had them, unless it has gone or they have moved.
    async fn where_they_are(&self, session: &mut Session) -> Result<Option<TableName>, ServerError> {
        let tables_of = async |session: &mut Session, form: Form| {
            let names: Vec<Ident> = (0..self.triggers.len()).map(|index| self.name(form, index)).collect();
            let sql = triggers_named_sql(&self.live.schema, names.iter());
            let found: Vec<(String, String)> = session.rows(&sql).await?;
            Ok::<_, ServerError>(found.into_iter().map(|(_, table)| Ident::new(table)).collect::<Vec<Ident>>())
        };
        if let Some(table) = tables_of(session, Form::Muted).await?.into_iter().next() {
            return Ok(Some(TableName { table, ..self.live.clone() }));
        }
        let moved = tables_of(session, Form::Own).await?.into_iter().any(|table| table != self.live.table);
        let is_there = schema::exists(session, self.live).await?;
        Ok((is_there && !moved).then(|| self.live.clone()))
    }

    /// What information_schema says of the table's triggers, the muted ones as if they were their own.
    pub fn unmuted(&self, found: Vec<Facts>) -> Vec<Facts> {
        let mut own: Vec<Facts> = Vec::new();
        for facts in found {
            let is_it = |index: &usize| {
                self.name(Form::Muted, *index).as_str() == facts.name
                    && self.muted_by.is_some_and(|muted_by| self.triggers[*index].is_guarded_in(&facts, muted_by))
            };
            let known = (0..self.triggers.len()).find(is_it);
            let facts = known.map_or(facts, |index| self.triggers[index].facts.clone());
            // A server that crashed between the two statements of an exchange has both; what somebody else has made beside
            // the muted one is what is to be found.
            match own.iter_mut().find(|other| other.name == facts.name) {
                Some(other) if known.is_none() => *other = facts,
                Some(_) => {}
                None => own.push(facts),
            }
        }
        own
    }

    /// A trigger that is not muted, or is there under its own name, too, where all must be muted.
    pub async fn unmuted_one(&self, session: &mut Session) -> Result<Option<Ident>, ServerError> {
        if self.muted_by.is_none() {
            return Ok(None);
        }
        let there = names_on(session, self.live).await?;
        let is_there = |form, index| there.contains(self.name(form, index).as_str());
        let unmuted = |&index: &usize| is_there(Form::Own, index) || !is_there(Form::Muted, index);
        Ok((0..self.triggers.len()).find(unmuted).map(|index| self.name(Form::Own, index)))
    }

    /// The first trigger of the application that fires after an event, as it is on the new table: the row mirror's precedes it.
    pub fn first_after(&self, event: &str) -> Option<Ident> {
        let is_first = |trigger: &UserTrigger| trigger.facts.timing == "AFTER" && trigger.facts.event == event;
        self.triggers.iter().position(is_first).map(|index| self.name(Form::Staged, index))
    }

    /// Gives the triggers their own names and words, once the table has its name. `from` is the table that had them,
    /// `last` are triggers of ours that come last. Does what is left to do.
    pub async fn settle(&self, from: &TableName, last: &LogTriggers) -> Result<()> {
        if self.triggers.is_empty() {
            return Ok(());
        }
        let table = self.live.argument();
        self.free_names(from).await.map_err(|failure| unsettled(failure, &table))?;
        let exchange =
            Exchange { relocation: self, on: self.live, from: Form::Staged, to: Form::Own, last: Some(last) };
        let exchanged = self.exchange_all(&exchange, &|| Ok(())).await;
        exchanged.map_err(|failure| unsettled(failure, &table))
    }

    pub(super) fn name(&self, form: Form, index: usize) -> Ident {
        match form {
            Form::Own => self.triggers[index].name(),
            Form::Staged => staged_trigger(self.live, index),
            Form::Muted => muted_trigger(self.live, index),
        }
    }

    /// CREATE TRIGGER, in front of another trigger or behind all. `None` when its text cannot be read.
    pub(super) fn create_sql(
        &self,
        form: Form,
        index: usize,
        onto: &TableName,
        next: Option<&Ident>,
    ) -> Option<String> {
        let (trigger, name) = (&self.triggers[index], self.name(form, index));
        match form {
            Form::Own if onto != self.live => trigger.own_sql_on(&onto.table, next),
            Form::Own => trigger.create_sql_before(next),
            Form::Staged => trigger.guarded_sql(&name, &onto.table, WRITER, next),
            Form::Muted => trigger.guarded_sql(&name, &onto.table, self.muted_by?, next),
        }
    }

    async fn create_staged(&self, session: &mut Session, onto: &TableName) -> Result<(), (&UserTrigger, ServerError)> {
        let first = &self.triggers[0];
        self.drop_staged(session).await.map_err(|error| (first, error))?;
        for (index, trigger) in self.triggers.iter().enumerate() {
            let made = async {
                let sql = self.create_sql(Form::Staged, index, onto, None);
                let sql = sql.ok_or_else(|| ServerError::Driver("its text cannot be read".into()))?;
                session.execute(&trigger.settings_sql()).await?;
                session.execute(&sql).await
            };
            made.await.map_err(|error| (trigger, error))?;
        }
        Ok(())
    }

    /// Drops what an earlier attempt has made, too; the session is then fit for names in any letters.
    async fn drop_staged(&self, session: &mut Session) -> Result<(), ServerError> {
        session.execute("SET NAMES utf8mb4").await?;
        // The words of a trigger need not name its schema.
        session.execute(&format!("USE {}", self.live.schema)).await?;
        for index in 0..self.triggers.len() {
            session.execute(&format!("DROP TRIGGER IF EXISTS {}", self.name(Form::Staged, index))).await?;
        }
        Ok(())
    }

    async fn free_names(&self, from: &TableName) -> Result<()> {
        let mut session = self.server.session_for(Role::Work, "connecting for the triggers").await?;
        let mut tries = Tries::of("taking the triggers off the old table");
        while let Err(error) = self.try_to_free_names(&mut session, from).await {
            self.recover(&mut tries, &mut session, error).await?;
        }
        session.close().await;
        Ok(())
    }

    async fn try_to_free_names(&self, session: &mut Session, from: &TableName) -> Result<(), ServerError> {
        let there = names_on(session, from).await?;
        for index in 0..self.triggers.len() {
            for name in [self.name(Form::Own, index), self.name(Form::Muted, index)] {
                if there.contains(name.as_str()) {
                    session.execute(&format!("DROP TRIGGER IF EXISTS {}.{name}", from.schema)).await?;
                }
            }
        }
        Ok(())
    }

    /// Lets all triggers of a table change places with their doubles.
    async fn exchange_all(&self, exchange: &Exchange<'_>, check_stop: &(dyn Fn() -> Result<()> + Sync)) -> Result<()> {
        let on = exchange.on;
        let mut locker = self.server.session_for(Role::Work, "connecting for the triggers").await?;
        let mut watch = self.server.session_for(Role::Watch, "connecting for the triggers").await?;
        let mut tries = Tries::of("giving the triggers their names");
        let mut has_locked = exchange.from != Form::Muted;
        loop {
            match names_on(&mut watch, on).await {
                Ok(there) if has_locked && (0..self.triggers.len()).all(|index| exchange.is_done(index, &there)) => {
                    break;
                }
                Ok(_) => {}
                Err(error) => {
                    self.recover(&mut tries, &mut watch, error).await?;
                    continue;
                }
            }
            let parents = match named_parents(&mut watch, on).await {
                Ok(parents) => parents,
                Err(error) => {
                    self.recover(&mut tries, &mut watch, error).await?;
                    continue;
                }
            };
            let tables = std::iter::once(on).chain(&parents).collect();
            let mut request = LockRequest::new(Purpose::Triggers, on, tables, self.patience).asked_by(self.command);
            let window = loop {
                check_stop()?;
                if let Round::Granted(window) = request.round(&mut locker, &mut watch, self.events, ROUND).await? {
                    break window;
                }
            };
            has_locked = true;
            let exchanged = exchange.some(&mut locker).await;
            if locker.is_lost() {
                window.ended(self.events);
            } else {
                let unlocked = window.unlock(&mut locker, self.events).await;
                unlocked.map_err(|error| server_failure("unlocking", &error))?;
            }
            if let Err(error) = exchanged {
                self.recover(&mut tries, &mut locker, error).await?;
            }
        }
        locker.close().await;
        watch.close().await;
        Ok(())
    }

    /// Makes a session fit for another try. What a lost connection was at comes to its end before it is killed: a KILL
    /// that meets CREATE TRIGGER or DROP TRIGGER leaves MariaDB with a table that cannot be opened (1343).
    async fn recover(&self, tries: &mut Tries, session: &mut Session, error: ServerError) -> Result<()> {
        let number = session.id();
        let since = Instant::now();
        while session.is_lost() && since.elapsed() < LAST_STATEMENT {
            match self.server.processes().await {
                Ok(processes)
                    if processes.iter().any(|process| process.id == number && !process.statement.is_empty()) =>
                {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                _ => break,
            }
        }
        tries.recover(session, error, self.events).await
    }

    fn does_not_work(&self, trigger: &UserTrigger, error: &ServerError) -> Failure {
        if !matches!(error, ServerError::Server { .. }) {
            return server_failure("trying the triggers on the new definition", error);
        }
        let (name, table) = (trigger.name(), self.live);
        let untouched = "untouched";
        let abort = format!("`replank abort {}` removes what was made", table.argument());
        if error.is_any(&errno::DENIED) {
            let definer = &trigger.facts.definer;
            let what =
                format!("the trigger {name} of {table} runs as {definer}, and this account may not make it again");
            let resume = format!("then `replank resume {}`", table.argument());
            return Failure::new(Stop::Server, what)
                .table(untouched)
                .next(match missing_privilege(error) {
                    Some(privilege) => {
                        let account = Account::parse(&self.server.facts.current_user);
                        format!("`GRANT {privilege} ON *.* TO {account}`, {resume}")
                    }
                    None => format!("let this account make triggers that run as {definer}, {resume}"),
                })
                .next(abort)
                .cause(error);
        }
        Failure::refused(format!("the trigger {name} of {table} cannot be made on the other definition"))
            .table(untouched)
            .next("drop the trigger before the change, and make it for the other definition after it")
            .next(abort)
            .cause(error)
    }
}

/// The privilege that the server names in an error: `… need (at least one of) the SYSTEM_USER privilege(s) …`.
fn missing_privilege(error: &ServerError) -> Option<&str> {
    let ServerError::Server { message, .. } = error else { return None };
    let (before, _) = message.split_once(" privilege(s)")?;
    let (_, named) = before.rsplit_once(" the ")?;
    // Of several, any is enough; SUPER comes first and is more than needed.
    named.rsplit(" or ").next().or(Some(named)).and_then(|last| last.rsplit(", ").next())
}

/// The names of the triggers on a table.
pub(super) async fn names_on(session: &mut Session, table: &TableName) -> Result<HashSet<String>, ServerError> {
    let sql = format!(
        "SELECT trigger_name FROM information_schema.triggers \
         WHERE event_object_schema = {} AND event_object_table = {}",
        string_literal(table.schema.as_str()),
        string_literal(table.table.as_str())
    );
    Ok(session.rows::<String>(&sql).await?.into_iter().collect())
}

fn unsettled(failure: Failure, table: &str) -> Failure {
    let failure = failure.table("changed: the new definition is in place; its triggers work, under names of replank's");
    failure.unless_said("", [format!("`replank resume {table}` goes on once the cause is gone")])
}
