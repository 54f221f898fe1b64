//! One migration: its row in the ledger, its statements in order, and where it is between them.

use std::time::Instant;

use jiff::Timestamp;

use super::Deploy;
use super::beginning::beginning;
use super::look_back;
use super::outcome::{self, Happened, Proof};
use super::position::{InFlight, Position, Record, State};
use super::session_state::SessionState;
use super::step::steps;
use super::table_change::Change;
use crate::error::{Failure, Rejected, Result, Stop};
use crate::event::{AS_IT_IS, Event};
use crate::prisma::{Ledger, LedgerRow, Recorded, checksum, errors};
use crate::server::{Disposition, Role, ServerError, Session, server_failure};
use crate::sql::Ident;
use crate::sql::script::{Reading, Script, Statement, split};

/// A migration that is being applied.
pub(super) struct Migration<'a> {
    pub deploy: &'a mut Deploy,
    pub name: &'a str,
    script: Script<'a>,
    ledger_id: String,
    /// Its row in the books, where there are any.
    record: Option<u64>,
    pub position: Position,
    /// Whether changes of rows may be committed together with the position.
    transactional: bool,
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
        let (script, position) = (split(script), Position::default());
        Migration { deploy, name, script, ledger_id, record, position, transactional, row: None }.run(None).await
    }

    /// Goes on with a migration that an earlier deploy began with the same script.
    pub async fn go_on(deploy: &'a mut Deploy, row: &'a LedgerRow, record: Record, script: &'a str) -> Result<()> {
        let mut work = deploy.server.session_for(Role::Work, "connecting for the ledger").await?;
        deploy.ledger.record_continued(&mut work, &row.id).await.map_err(ledger_failed)?;
        let transactional = transactional(&mut work, script).await?;
        work.close().await;
        let resumed_after = record.position.done;
        let migration = Migration {
            deploy,
            name: &row.migration_name,
            script: split(script),
            ledger_id: row.id.clone(),
            record: Some(record.id),
            position: record.position,
            transactional,
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
        self.record_finished().await?;
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
            let rest = self.script.statements[self.position.done..].to_vec();
            let step = steps(&Script { statements: rest, tail: "" }).into_iter().next();
            let Some(step) = step else { break };
            match Change::of(self, &step).await? {
                Some(change) => change.make(self, &step).await?,
                None => {
                    for statement in &step.statements {
                        self.check_stop()?;
                        self.run_as_it_is(statement).await?;
                    }
                }
            }
        }
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
        let replayed = self.state().replayed();
        // With nothing left to run, nothing is missed.
        if self.position.done == self.script.statements.len() {
            return Ok(());
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

    /// What the session has after the statements that are done.
    pub fn state(&self) -> SessionState<'a> {
        let done = self.script.statements.iter().take(self.position.done);
        SessionState::after(done.map(|statement| (statement.number, statement.text)))
    }

    /// Runs one statement in the script's own session.
    pub async fn run_as_it_is(&mut self, statement: &Statement<'_>) -> Result<()> {
        let state = self.state();
        let proof = match (self.record, &statement.reading) {
            (Some(_), Reading::Whole) => {
                let schema = match outcome::is_definition(statement.text) {
                    true => self.deploy.session_schema().await?,
                    false => self.deploy.schema.clone(),
                };
                let mut work = self.deploy.server.session_for(Role::Work, "connecting").await?;
                let proof = Proof::of(statement.text, &schema, &state, self.transactional, &mut work).await;
                work.close().await;
                proof.map_err(|error| server_failure("looking at what a statement defines", &error))?
            }
            _ => Proof::Nothing,
        };
        let in_transaction = state.in_transaction();
        self.begun(1, &proof).await?;
        self.tell(statement, statement, AS_IT_IS);
        let ran = match proof {
            Proof::Transaction => self.run_with_position(statement).await,
            _ => self.deploy.session.execute_all(statement.text).await,
        };
        if statement.reading != Reading::Whole || outcome::may_change_schema(statement.text) {
            self.deploy.session_schema = None;
        }
        match ran {
            Ok(()) if proof == Proof::Transaction => {
                (self.position.done, self.position.in_flight) = (self.position.done + 1, None);
                Ok(())
            }
            Ok(()) => self.done(1).await,
            Err((before, error)) => Err(self.failed(statement.number + before, &error, in_transaction).await),
        }
    }

    /// Commits a change of rows together with the position behind it, so that both have happened or neither.
    async fn run_with_position(&mut self, statement: &Statement<'_>) -> Result<(), (usize, ServerError)> {
        let (Some(books), Some(record)) = (&self.deploy.books, self.record) else {
            return self.deploy.session.execute_all(statement.text).await;
        };
        let behind = Position { done: self.position.done + 1, in_flight: None };
        let save = books.save_sql(record, &behind);
        let session = &mut self.deploy.session;
        session.execute("START TRANSACTION").await.map_err(|error| (0, error))?;
        let mut ran = session.execute_all(statement.text).await;
        if ran.is_ok() {
            ran = async {
                session.execute(&save).await?;
                session.execute("COMMIT").await
            }
            .await
            .map(drop)
            .map_err(|error| (0, error));
        }
        if ran.is_err() {
            let _ = session.execute("ROLLBACK").await;
        }
        ran
    }

    /// Writes what is about to be done.
    pub async fn begun(&mut self, statements: usize, proof: &Proof) -> Result<()> {
        self.position.in_flight = Some(InFlight { statements, proof: proof.clone() });
        self.save().await
    }

    /// Writes that it is done.
    pub async fn done(&mut self, statements: usize) -> Result<()> {
        self.position.done += statements;
        self.position.in_flight = None;
        self.save().await
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

    fn check_stop(&self) -> Result<()> {
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
        let failure = errors::migration_failed(self.name, Some(rejected.code), &rejected.message, Some(number));
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
