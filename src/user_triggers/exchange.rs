//! Triggers of a table that change places with their doubles.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::facts;
use super::relocation::{Form, Relocation, names_on};
use crate::mirror::triggers::{LogTriggers, date_ahead, open_anew};
use crate::server::{ServerError, Session, errno};
use crate::sql::{Ident, TableName};

/// How long one lock window goes on taking another trigger; a pair of statements takes some milliseconds.
const WINDOW: Duration = Duration::from_millis(25);

/// An exchange on one table.
pub(super) struct Exchange<'a> {
    pub relocation: &'a Relocation<'a>,
    pub on: &'a TableName,
    /// What they are.
    pub from: Form,
    /// What they become.
    pub to: Form,
    /// Triggers of ours that come behind them.
    pub last: Option<&'a LogTriggers>,
}

impl Exchange<'_> {
    /// Under the lock: as many as there is time for.
    pub async fn some(&self, locker: &mut Session) -> Result<(), ServerError> {
        let started = Instant::now();
        // Not before the lock: a killed process may have been at it until then.
        let there = names_on(locker, self.on).await?;
        let mut outcome = locker.execute(&format!("USE {}", self.on.schema)).await.map(drop);
        for index in (0..self.relocation.triggers.len()).filter(|index| !self.is_done(*index, &there)) {
            if outcome.is_err() || started.elapsed() > WINDOW {
                break;
            }
            outcome = self.one(locker, index, &there).await;
        }
        // Names in other letters can be sent again.
        match locker.execute("SET NAMES utf8mb4").await {
            Ok(_) => outcome,
            Err(error) => outcome.and(Err(error)),
        }
    }

    /// Whether a trigger is on the table in its new form only.
    pub fn is_done(&self, index: usize, there: &HashSet<String>) -> bool {
        let is_there = |form| there.contains(self.relocation.name(form, index).as_str());
        !is_there(self.from) && is_there(self.to)
    }

    /// One packet, because the server executes all of it even when nobody is there any more to send the second statement
    /// or to read the answer to the first.
    async fn one(&self, locker: &mut Session, index: usize, there: &HashSet<String>) -> Result<(), ServerError> {
        let trigger = &self.relocation.triggers[index];
        let (from, to) = (self.relocation.name(self.from, index), self.relocation.name(self.to, index));
        let unreadable = || ServerError::Driver("the text of a trigger cannot be read".into());
        if there.contains(to.as_str()) {
            if self.from == Form::Own {
                self.refuse_another(locker, index).await?;
            }
            return locker.execute(&format!("DROP TRIGGER {from}")).await.map(drop);
        }
        let next = self.next(index, there);
        let create = self.relocation.create_sql(self.to, index, self.on, next.as_ref()).ok_or_else(unreadable)?;
        locker.execute(&trigger.settings_sql()).await?;
        date_ahead(locker).await?;
        if !there.contains(from.as_str()) {
            // The server ended between the two.
            return locker.execute(&create).await.map(drop);
        }
        let is_block = self.to != Form::Own || trigger.is_block();
        let packet = exchange_sql(&create, &from, is_block);
        let mut exchanged = locker.execute_all(&packet).await;
        // Where a DROP TRIGGER comes first, it has let the table be opened anew already.
        let is_first =
            is_block && matches!(&exchanged, Err((_, error)) if error.code() == Some(errno::NO_SUCH_NEIGHBOUR));
        if is_first {
            open_anew(locker, &format!("{}.{}", self.on.schema, self.relocation.spare), self.on).await?;
            exchanged = locker.execute_all(&packet).await;
        }
        match exchanged {
            Err((_, error)) => {
                if !locker.is_lost() {
                    self.keep_one(locker, index, next.as_ref()).await?;
                }
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Fails where somebody has made a trigger again while its double was there.
    async fn refuse_another(&self, locker: &mut Session, index: usize) -> Result<(), ServerError> {
        let own = &self.relocation.triggers[index].facts;
        match facts(locker, self.on).await?.iter().find(|found| found.name == own.name) {
            Some(found) if found != own => {
                Err(ServerError::Driver(format!("somebody has made the trigger {} again", own.name)))
            }
            _ => Ok(()),
        }
    }

    /// After a packet of which only the first statement was done: the trigger is there once, in either form.
    async fn keep_one(&self, locker: &mut Session, index: usize, next: Option<&Ident>) -> Result<(), ServerError> {
        let (from, to) = (self.relocation.name(self.from, index), self.relocation.name(self.to, index));
        let there = names_on(locker, self.on).await?;
        let create = |form| self.relocation.create_sql(form, index, self.on, next).unwrap_or_default();
        match (there.contains(to.as_str()), there.contains(from.as_str())) {
            (true, true) => locker.execute(&format!("DROP TRIGGER {to}")).await.map(drop),
            (false, false) => match locker.execute(&create(self.to)).await {
                Ok(_) => Ok(()),
                Err(_) => locker.execute(&create(self.from)).await.map(drop),
            },
            _ => Ok(()),
        }
    }

    /// The trigger that comes behind one: the next of the same time and event, or the one of ours.
    fn next(&self, index: usize, there: &HashSet<String>) -> Option<Ident> {
        let triggers = self.relocation.triggers;
        let facts = &triggers[index].facts;
        let is_of_them = |other: &usize| {
            let other = &triggers[*other].facts;
            (&other.timing, &other.event) == (&facts.timing, &facts.event)
        };
        let behind = (index + 1..triggers.len()).filter(is_of_them);
        let names = behind.flat_map(|other| [self.from, self.to].map(|form| self.relocation.name(form, other)));
        let last = self.last.filter(|_| facts.timing == "AFTER");
        let ours = last.and_then(|last| last.name_of(&facts.event)).cloned();
        names.chain(ours).find(|name| there.contains(name.as_str()))
    }
}

/// The new form's statement and the end of the old one, in one packet.
///
/// The servers take the semicolon behind a body of one statement for a part of it, so such a body must come last; else
/// it comes first, because twice is easier to mend than never.
fn exchange_sql(create: &str, from: &Ident, is_block: bool) -> String {
    let drop = format!("DROP TRIGGER {from}");
    if is_block { format!("{create};\n{drop}") } else { format!("{drop};\n{create}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_one_statement_comes_last() {
        let staged = Ident::new("s1");
        let simple = "CREATE TRIGGER a BEFORE UPDATE ON t FOR EACH ROW SET NEW.x = 1";
        assert_eq!(exchange_sql(simple, &staged, false), format!("DROP TRIGGER `s1`;\n{simple}"));
        assert!(exchange_sql("CREATE TRIGGER a … BEGIN … END", &staged, true).ends_with("END;\nDROP TRIGGER `s1`"));
    }
}
