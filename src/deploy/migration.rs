//! One migration: its row in the ledger, its statements in order, and where it is between them.

mod as_it_is;

use std::time::Instant;

use jiff::Timestamp;

pub(super) use as_it_is::Waits;

use super::Deploy;
use super::look_back;
use super::outcome::{Happened, Proof};
use super::position::{InFlight, Position, Record, State};
use super::session_state::SessionState;
use super::step::first_step;
use super::table_change::Change;
use crate::error::{Failure, Rejected, Result, Stop};
use crate::event::Event;
use crate::plan::TableRef;
use crate::prisma::{Ledger, LedgerRow, Recorded, checksum, errors};
use crate::server::{Disposition, Role, ServerError, Session, server_failure};
use crate::sql::beginning::beginning;
use crate::sql::script::{Script, Statement, split};
use crate::sql::{Ident, TableName};

/// A migration that is being applied.
pub(super) struct Migration<'a> {
    pub deploy: &'a mut Deploy,
    pub name: &'a str,
    script: Script<'a>,
    ledger_id: String,
    /// Its row in the books, where there are any.
    record: Option<u64>,
    pub position: Position,
    /// What the session has after the statements that are done.
    pub state: SessionState<'a>,
    /// Whether changes of rows may be committed together with the position.
    transactional: bool,
    /// Whether the script asks for what its last statement did, so that nothing may be run between two of them.
    looks_back: bool,
    /// Its row of the ledger, when an earlier deploy wrote it.
    row: Option<&'a LedgerRow>,
}

impl<'a> Migration<'a> {
    /// Applies a pending migration.
    pub async fn begin(deploy: &'a mut Deploy, name: &'a str, script: &'a str) -> Result<()> {
        let ledger_id = Ledger::new_id();
        let checksum = checksum(script);
        let schema = deploy.schema.clone();
        let mut record = None;
        if let Some(books) = &mut deploy.books {
            record = Some(books.begin(&schema, name, &checksum, &ledger_id).await?);
        }
        let mut work = deploy.server.session_for(Role::Work, "connecting for the ledger").await?;
        let started = deploy.ledger.record_started(&mut work, &ledger_id, name, &checksum, Timestamp::now()).await;
        started.map_err(ledger_failed)?;
        let transactional = transactional(&mut work, script).await?;
        work.close().await;
        let looks_back = look_back::asks_for_last_statement(script);
        let (script, position, state) = (split(script), Position::default(), deploy.left.clone());
        Migration { deploy, name, script, ledger_id, record, position, state, transactional, looks_back, row: None }
            .run(None)
            .await
    }

    /// Goes on with a migration that an earlier deploy began with the same script.
    pub async fn go_on(deploy: &'a mut Deploy, row: &'a LedgerRow, record: Record, script: &'a str) -> Result<()> {
        let mut work = deploy.server.session_for(Role::Work, "connecting for the ledger").await?;
        deploy.ledger.record_continued(&mut work, &row.id).await.map_err(ledger_failed)?;
        let transactional = transactional(&mut work, script).await?;
        work.close().await;
        let resumed_after = record.position.done;
        let looks_back = look_back::asks_for_last_statement(script);
        let script = split(script);
        let done = script.statements.iter().take(record.position.done);
        let state = SessionState::after(done.map(|statement| (statement.number, statement.text)));
        let migration = Migration {
            deploy,
            name: &row.migration_name,
            script,
            ledger_id: row.id.clone(),
            record: Some(record.id),
            position: record.position,
            state,
            transactional,
            looks_back,
            row: Some(row),
        };
        migration.run(Some(resumed_after as u64)).await
    }

    async fn run(mut self, resumed_after: Option<u64>) -> Result<()> {
        let since = Instant::now();
        let statements = self.script.statements.len() as u64;
        let migration = self.name.to_owned();
        self.deploy.events.emit(Event::MigrationStarted { migration: migration.clone(), statements, resumed_after });
        if let Err(failure) = self.run_statements(resumed_after.is_some()).await {
            return Err(self.stopped(failure).await);
        }
        if let Err(failure) = self.commit_what_is_open().await {
            return Err(self.stopped(failure).await);
        }
        self.record_finished().await?;
        self.deploy.left = self.state.for_next_migration();
        self.deploy.events.emit(Event::MigrationFinished { migration, took: since.elapsed() });
        Ok(())
    }

    async fn run_statements(&mut self, resumed: bool) -> Result<()> {
        if resumed {
            self.settle().await?;
            self.replay().await?;
        }
        while self.position.done < self.script.statements.len() {
            self.check_stop()?;
            let Some(step) = first_step(&self.script.statements[self.position.done..]) else { break };
            match Change::of(self, &step).await? {
                Some(change) => change.make(self, &step).await?,
                None => {
                    for statement in &step.statements {
                        self.check_stop()?;
                        self.run_as_it_is(statement, Waits::Short).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What the script has written is in the database before the ledger says so, which another connection writes.
    async fn commit_what_is_open(&mut self) -> Result<()> {
        if !self.state.in_transaction() {
            return Ok(());
        }
        let committed = self.deploy.session.execute("COMMIT").await;
        committed.map_err(|error| server_failure("committing what the script has left open", &error))?;
        self.state.commit();
        Ok(())
    }

    /// Finds out what became of what was begun and not seen to end.
    async fn settle(&mut self) -> Result<()> {
        let Some(InFlight { statements, proof }) = self.position.in_flight.clone() else { return Ok(()) };
        let happened = match &proof {
            Proof::Run { table } => super::table_change::settle_run(self, table).await?,
            proof => {
                let mut work = self.deploy.server.session_for(Role::Work, "connecting").await?;
                let happened = proof.happened(&mut work).await;
                work.close().await;
                happened.map_err(|error| server_failure("looking for what a statement has done", &error))?
            }
        };
        match happened {
            Happened::Yes => self.done(statements).await,
            Happened::No => {
                self.position.in_flight = None;
                Ok(())
            }
            Happened::Unknown => Err(self.unknown()),
        }
    }

    /// Gives the session what the statements that are done had left in theirs.
    async fn replay(&mut self) -> Result<()> {
        let replayed = self.state.replayed();
        if self.position.done == self.script.statements.len() {
            // With nothing left to run, nothing else is missed.
            return self.state.uncommitted().map_or(Ok(()), |lost| Err(self.cannot_go_on().cause(lost)));
        }
        let replayed: Vec<String> = match replayed {
            Ok(texts) => texts.into_iter().map(str::to_owned).collect(),
            Err(lost) => {
                return Err(self.cannot_go_on().cause(lost));
            }
        };
        let (done, rest) = self.script.statements.split_at(self.position.done);
        if let Some((number, word)) = look_back::asks_for_lost(done, rest) {
            return Err(self.cannot_go_on().cause(format!(
                "statement {number} asks for {word}, which was lost with the connection that ran the statements before it"
            )));
        }
        for text in replayed {
            let run = self.deploy.session.execute(&text).await;
            run.map_err(|error| server_failure(&format!("`{}`", beginning(&text)), &error))?;
        }
        self.deploy.session_schema = None;
        Ok(())
    }

    /// Writes what is about to be done.
    pub async fn begun(&mut self, statements: usize, proof: &Proof) -> Result<()> {
        self.position.in_flight = Some(InFlight { statements, proof: proof.clone() });
        self.save().await
    }

    /// Writes that it is done.
    pub async fn done(&mut self, statements: usize) -> Result<()> {
        self.advance(statements);
        self.save().await
    }

    fn advance(&mut self, statements: usize) {
        let from = self.position.done;
        (self.position.done, self.position.in_flight) = (from + statements, None);
        for statement in self.script.statements.iter().skip(from).take(statements) {
            self.state.take_statement(statement.number, statement.text);
        }
    }

    async fn save(&mut self) -> Result<()> {
        match (&mut self.deploy.books, self.record) {
            (Some(books), Some(record)) => books.save(record, &self.position).await,
            _ => Ok(()),
        }
    }

    /// The name by which a run of replank's own is found again.
    pub fn step_name(&self) -> String {
        format!("{}/{}", self.ledger_id, self.position.done + 1)
    }

    /// Tells what is about to be run.
    pub fn tell(&self, first: &Statement<'_>, last: &Statement<'_>, how: &'static str) {
        let text = beginning(first.text);
        let (number, to) = (first.number as u64, last.number as u64);
        self.deploy.events.emit(Event::StatementStarted { number, to, how, text });
    }

    pub fn check_stop(&self) -> Result<()> {
        if !self.deploy.stop.is_cancelled() {
            return Ok(());
        }
        let (done, all) = (self.position.done, self.script.statements.len());
        Err(Failure::new(Stop::Interrupted, format!("stopped at a safe point in the migration `{}`", self.name))
            .table(format!("{done} of {all} statements are done; the migration is unfinished"))
            .next("`replank deploy` goes on"))
    }

    /// The server did not take a statement: P3018. A lost connection leaves the question to the proof of the statement.
    pub async fn failed(&mut self, number: usize, error: &ServerError, in_transaction: bool) -> Failure {
        match (error.disposition(), error) {
            (Disposition::Reconnect, _) => {
                Failure::new(Stop::Server, format!("the connection was lost while statement {number} ran"))
                    .table("as that statement left it")
                    .next("`replank deploy` finds out whether it took effect, where that can be told, and goes on")
                    .cause(error)
            }
            (disposition, ServerError::Server { code, message, .. }) => {
                // Nothing has happened, and the next try may be luckier.
                let again = disposition == Disposition::Retry && !in_transaction;
                self.rejected(number, &Rejected { code: *code, message: message.clone() }, again).await
            }
            (_, why) => errors::migration_failed(self.name, None, &why.to_string(), Some(number)),
        }
    }

    /// P3018. With `again`, a later deploy may go on at this statement; otherwise somebody has to resolve it.
    pub async fn rejected(&mut self, number: usize, rejected: &Rejected, again: bool) -> Failure {
        let done = self.position.done;
        let of_vitess = errors::of_vitess(rejected.code, &rejected.message).filter(|_| self.deploy.server.facts.vitess);
        let message = of_vitess.unwrap_or(&rejected.message);
        let failure = errors::migration_failed(self.name, Some(rejected.code), message, Some(number));
        if again {
            self.position.in_flight = None;
            let _ = self.save().await;
            return failure.next(format!("`replank deploy` goes on with statement {number}"));
        }
        if let (Some(books), Some(record)) = (&mut self.deploy.books, self.record) {
            let _ = books.set_state(record, State::Failed).await;
        }
        let done = match done {
            0 => "no statement before it, so nothing of the file is in the database".to_owned(),
            1 => "statement 1 is done".to_owned(),
            done => format!("statements 1 to {done} are done"),
        };
        failure
            .next(format!("{done}; take that back and `replank resolve --rolled-back {}`,", self.name))
            .next(format!("or do the rest by hand and `replank resolve --applied {}`", self.name))
    }

    /// The failure as the user sees it, and as the ledger keeps it.
    async fn stopped(&mut self, mut failure: Failure) -> Failure {
        for advice in &mut failure.next {
            // What stopped knows its table; here, it is a step of the deploy.
            *advice = reworded(advice);
        }
        let logs = self.logs(&failure);
        if let Ok(mut work) = self.deploy.server.session(Role::Work).await {
            // The reason is for people; a row without it is as unfinished.
            let _ = self.deploy.ledger.record_failed(&mut work, &self.ledger_id, &logs).await;
            work.close().await;
        }
        failure
    }

    /// Prisma's text, and what replank knows.
    fn logs(&self, failure: &Failure) -> String {
        let mut logs = match failure.prisma {
            Some(_) => failure.what.clone(),
            None => errors::migration_failed(self.name, None, &failure.what, Some(self.position.done + 1)).what,
        };
        logs.push_str(&format!(
            "\nreplank: {} of {} statements are done\n",
            self.position.done,
            self.script.statements.len()
        ));
        for (label, lines) in
            [("table", failure.table.as_slice()), ("next", &failure.next), ("cause", failure.cause.as_slice())]
        {
            lines.iter().for_each(|line| logs.push_str(&format!("replank: {label}: {line}\n")));
        }
        logs
    }

    fn unknown(&self) -> Failure {
        let statement = self.script.statements.get(self.position.done);
        let number = statement.map_or(self.position.done + 1, |statement| statement.number);
        let text = statement.map(|statement| beginning(statement.text)).unwrap_or_default();
        self.cannot_go_on().cause(format!(
            "statement {number} was running when the deploy was interrupted, and whether it took effect cannot be told: \
             {text}"
        ))
    }

    /// P3009, with how far it came.
    fn cannot_go_on(&self) -> Failure {
        let failure = errors::failed_migrations(self.row.map(std::slice::from_ref).unwrap_or_default());
        let name = self.name;
        failure
            .table(format!(
                "{} of {} statements of `{name}` are done",
                self.position.done,
                self.script.statements.len()
            ))
            .next(format!("look, do the rest by hand, and `replank resolve --applied {name}`,"))
            .next(format!("or take it back and `replank resolve --rolled-back {name}`"))
    }

    async fn record_finished(&mut self) -> Result<()> {
        let mut work = self.deploy.server.session_for(Role::Work, "connecting for the ledger").await?;
        let recorded = self.deploy.ledger.record_finished(&mut work, &self.ledger_id, Timestamp::now()).await;
        work.close().await;
        let all_done = |failure: Failure| {
            failure
                .table(format!("changed: all statements of `{}` are done", self.name))
                .next(format!("`replank deploy` records it, or `replank resolve --applied {}`", self.name))
        };
        match recorded {
            Ok(Recorded::Applied) => {}
            Ok(Recorded::RolledBack | Recorded::Missing) => {
                let what = format!("the row of the migration `{}` was resolved or deleted meanwhile", self.name);
                return Err(all_done(Failure::new(Stop::NotRecorded, what)));
            }
            Err(error) => {
                let what = format!("the migration `{}` could not be recorded", self.name);
                return Err(all_done(Failure::new(Stop::NotRecorded, what).cause(error)));
            }
        }
        if let (Some(books), Some(record)) = (&mut self.deploy.books, self.record) {
            books.set_state(record, State::Done).await?;
        }
        Ok(())
    }
}

impl Deploy {
    /// A name with the schema that it is in.
    pub async fn full_name(&mut self, name: &TableRef) -> Result<TableName> {
        let schema = match &name.schema {
            Some(schema) => schema.clone(),
            None => self.session_schema().await?,
        };
        Ok(TableName { schema, table: name.table.clone() })
    }

    /// The schema that names without one mean, which a script may change by USE.
    ///
    /// Asked for once, and only in front of a statement that defines something: whatever is run in the script's own
    /// session between two of its statements takes ROW_COUNT() and the like from the second.
    pub async fn session_schema(&mut self) -> Result<Ident> {
        if let Some(schema) = &self.session_schema {
            return Ok(schema.clone());
        }
        let schema: Option<Option<String>> = self
            .session
            .first_row("SELECT DATABASE()")
            .await
            .map_err(|error| server_failure("asking for the session's schema", &error))?;
        let schema = schema.flatten().map_or_else(|| self.schema.clone(), Ident::new);
        Ok(self.session_schema.insert(schema).clone())
    }
}

/// Whether changes of rows can be committed together with the position: only where no table would be written at once,
/// and where the script does not ask for what its last statement did.
async fn transactional(work: &mut Session, script: &str) -> Result<bool> {
    if look_back::asks_for_last_statement(script) || look_back::names_an_engine(script) {
        return Ok(false);
    }
    let others = "SELECT 1 FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND engine <> 'InnoDB' AND \
                  table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') \
                  UNION SELECT 1 FROM DUAL WHERE @@default_storage_engine <> 'InnoDB' LIMIT 1";
    let found: Vec<u32> = work.rows(others).await.map_err(|error| server_failure("looking at the tables", &error))?;
    Ok(found.is_empty())
}

/// A run inside a deploy is resumed by the deploy, which has no switch for the way of a change.
fn reworded(advice: &str) -> String {
    if advice.contains("`--force-copy`") {
        return "`replank deploy` tries the change again".to_owned();
    }
    let Some((before, after)) = advice.split_once("`replank resume ") else { return advice.to_owned() };
    let Some((_, behind)) = after.split_once('`') else { return advice.to_owned() };
    format!("{before}`replank deploy`{behind}")
}

fn ledger_failed(error: ServerError) -> Failure {
    server_failure("writing to `_prisma_migrations`", &error)
}

#[cfg(test)]
mod tests {
    use super::reworded;

    #[test]
    fn advice_is_for_the_deploy() {
        assert_eq!(reworded("`replank resume shop.Order` goes on"), "`replank deploy` goes on");
        let copy = "`--force-copy` makes the change by an online copy";
        assert_eq!(reworded(copy), "`replank deploy` tries the change again");
        assert_eq!(reworded("`replank abort shop.Order`"), "`replank abort shop.Order`");
    }
}
