//! The triggers of a table on their way to the one that takes its name.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::UserTrigger;
use crate::error::{Failure, Result, Stop};
use crate::event::Events;
use crate::lock_window::{LockRequest, Purpose};
use crate::mirror::triggers::{LogTriggers, date_ahead};
use crate::plan::grants::Account;
use crate::plan::names::staged_trigger;
use crate::server::retry::Tries;
use crate::server::{Disposition, Role, Server, ServerError, Session, errno, server_failure};
use crate::sql::{Ident, TableName, string_literal};

/// How long one lock window goes on taking another trigger; a pair of statements takes some milliseconds.
const WINDOW: Duration = Duration::from_millis(25);

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

    /// Gives the triggers their own names and words, once the table has its name. `from` is the table that had them,
    /// `last` are triggers of ours that come last. Does what is left to do.
    pub async fn settle(&self, from: &TableName, last: &LogTriggers) -> Result<()> {
        if self.triggers.is_empty() {
            return Ok(());
        }
        let table = self.live.argument();
        self.free_names(from).await.map_err(|failure| unsettled(failure, &table))?;
        self.exchange_all(last).await.map_err(|failure| unsettled(failure, &table))
    }

    async fn create_staged(&self, session: &mut Session, onto: &TableName) -> Result<(), (&UserTrigger, ServerError)> {
        let first = &self.triggers[0];
        self.drop_staged(session).await.map_err(|error| (first, error))?;
        for (index, trigger) in self.triggers.iter().enumerate() {
            let made = async {
                let sql = trigger.staged_sql(&staged_trigger(self.live, index), &onto.table);
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
            session.execute(&format!("DROP TRIGGER IF EXISTS {}", staged_trigger(self.live, index))).await?;
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
        for trigger in self.triggers {
            if there.contains(&trigger.facts.name) {
                session.execute(&format!("DROP TRIGGER IF EXISTS {}.{}", from.schema, trigger.name())).await?;
            }
        }
        Ok(())
    }

    async fn exchange_all(&self, last: &LogTriggers) -> Result<()> {
        let mut locker = self.server.session_for(Role::Work, "connecting for the triggers").await?;
        let mut watch = self.server.session_for(Role::Watch, "connecting for the triggers").await?;
        let mut tries = Tries::of("giving the triggers their names");
        loop {
            match names_on(&mut watch, self.live).await {
                Ok(there) if (0..self.triggers.len()).all(|index| self.is_settled(index, &there)) => break,
                Ok(_) => {}
                Err(error) => {
                    self.recover(&mut tries, &mut watch, error).await?;
                    continue;
                }
            }
            let request = LockRequest::new(Purpose::Triggers, self.live, vec![self.live], self.patience);
            let window = request.granted(&mut locker, &mut watch, self.events).await?;
            let exchanged = self.exchange_some(&mut locker, last).await;
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

    /// Under the lock: lets triggers change places with their staged doubles, as many as there is time for.
    async fn exchange_some(&self, locker: &mut Session, last: &LogTriggers) -> Result<(), ServerError> {
        let started = Instant::now();
        // Not before the lock: a killed process may have been at it until then.
        let there = names_on(locker, self.live).await?;
        let mut outcome = locker.execute(&format!("USE {}", self.live.schema)).await.map(drop);
        for index in (0..self.triggers.len()).filter(|index| !self.is_settled(*index, &there)) {
            if outcome.is_err() || started.elapsed() > WINDOW {
                break;
            }
            outcome = self.exchange(locker, index, &there, last).await;
        }
        // Names in other letters can be sent again.
        match locker.execute("SET NAMES utf8mb4").await {
            Ok(_) => outcome,
            Err(error) => outcome.and(Err(error)),
        }
    }

    /// One packet, because the server executes all of it even when nobody is there any more to send the second statement
    /// or to read the answer to the first.
    async fn exchange(
        &self,
        locker: &mut Session,
        index: usize,
        there: &HashSet<String>,
        last: &LogTriggers,
    ) -> Result<(), ServerError> {
        let (trigger, staged) = (&self.triggers[index], staged_trigger(self.live, index));
        let next = self.next(index, there, last);
        let unreadable = || ServerError::Driver("the text of a trigger cannot be read".into());
        if there.contains(&trigger.facts.name) {
            return locker.execute(&format!("DROP TRIGGER {staged}")).await.map(drop);
        }
        locker.execute(&trigger.settings_sql()).await?;
        date_ahead(locker).await?;
        if !there.contains(staged.as_str()) {
            // The server ended between the two.
            let create = trigger.create_sql_before(next.as_ref()).ok_or_else(unreadable)?;
            return locker.execute(&create).await.map(drop);
        }
        let packet = trigger.exchange_sql(&staged, next.as_ref()).ok_or_else(unreadable)?;
        match locker.execute_all(&packet).await {
            Err((_, error)) => {
                if !locker.is_lost() {
                    self.keep_one(locker, index, next.as_ref()).await?;
                }
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// After a packet of which only the first statement was done: the trigger is there once, under either name.
    async fn keep_one(&self, locker: &mut Session, index: usize, next: Option<&Ident>) -> Result<(), ServerError> {
        let (trigger, staged) = (&self.triggers[index], staged_trigger(self.live, index));
        let there = names_on(locker, self.live).await?;
        match (there.contains(&trigger.facts.name), there.contains(staged.as_str())) {
            (true, true) => locker.execute(&format!("DROP TRIGGER {}", trigger.name())).await.map(drop),
            (false, false) => {
                let own = trigger.create_sql_before(next).unwrap_or_default();
                let double = trigger.staged_sql(&staged, &self.live.table).unwrap_or_default();
                match locker.execute(&own).await {
                    Ok(_) => Ok(()),
                    Err(_) => locker.execute(&double).await.map(drop),
                }
            }
            _ => Ok(()),
        }
    }

    /// The trigger that comes behind one: the next of the same time and event, or the one of ours.
    fn next(&self, index: usize, there: &HashSet<String>, last: &LogTriggers) -> Option<Ident> {
        let of = |trigger: &UserTrigger| (trigger.facts.timing.clone(), trigger.facts.event.clone());
        let (timing, event) = of(&self.triggers[index]);
        let behind = (index + 1..self.triggers.len())
            .filter(|&other| of(&self.triggers[other]) == (timing.clone(), event.clone()));
        let names = behind.flat_map(|other| [staged_trigger(self.live, other), self.triggers[other].name()]);
        let ours = (timing == "AFTER").then(|| last.name_of(&event)).flatten().cloned();
        names.chain(ours).find(|name| there.contains(name.as_str()))
    }

    /// Whether a trigger is on the table under its own name only.
    fn is_settled(&self, index: usize, there: &HashSet<String>) -> bool {
        there.contains(&self.triggers[index].facts.name) && !there.contains(staged_trigger(self.live, index).as_str())
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
async fn names_on(session: &mut Session, table: &TableName) -> Result<HashSet<String>, ServerError> {
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
