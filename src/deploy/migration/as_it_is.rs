//! A statement that the server runs as it is in the file, in the script's own session.

use std::time::{Duration, Instant};

use super::Migration;
use crate::deploy::Deploy;
use crate::deploy::locked_tables::{Locked, locked_tables};
use crate::deploy::outcome::{self, Proof};
use crate::deploy::position::Position;
use crate::deploy::table_change::table_of_trigger;
use crate::error::Result;
use crate::event::AS_IT_IS;
use crate::lock_window::statement::LockingStatement;
use crate::server::{Disposition, Role, ServerError, errno, server_failure};
use crate::sql::TableName;
use crate::sql::script::{Reading, Statement};

/// Pause between two looks at definitions, of which each waits for two seconds by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long a statement that locks tables may wait for them at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::deploy) enum Waits {
    /// So long that the application does not notice much.
    Short,
    /// As long as the session does, because it may have worked for long before.
    Long,
}

impl Migration<'_> {
    /// Runs one statement in the script's own session.
    pub async fn run_as_it_is(&mut self, statement: &Statement<'_>, waits: Waits) -> Result<()> {
        let proof = self.proof(statement).await?;
        let in_transaction = self.state.in_transaction();
        self.begun(1, &proof).await?;
        self.tell(statement, statement, AS_IT_IS);
        let locks = match waits {
            Waits::Short => self.locks(statement).await?,
            Waits::Long => None,
        };
        let mut blocker = None;
        let ran = match (&proof, locks) {
            (Proof::Transaction, _) => self.run_with_position(statement).await,
            (_, Some(tables)) => {
                let patience = self.deploy.request.options.lock_patience;
                let locking = LockingStatement { sql: statement.text, tables: &tables, patience };
                let Deploy { session, events, stop, .. } = &mut *self.deploy;
                let ended = locking.run(session, events, stop).await;
                if ended.stopped {
                    self.position.in_flight = None;
                    self.save().await?;
                    return self.check_stop();
                }
                blocker = ended.blocker;
                ended.ran
            }
            (_, None) => self.deploy.session.execute_all(statement.text).await,
        };
        if statement.reading != Reading::Whole || outcome::may_change_schema(statement.text) {
            self.deploy.session_schema = None;
        }
        match ran {
            Ok(()) if proof == Proof::Transaction => {
                self.advance(1);
                Ok(())
            }
            Ok(()) => self.done(1).await,
            Err((before, error)) => {
                let failure = self.failed(statement.number + before, &error, in_transaction).await;
                Err(match blocker.filter(|_| error.code() == Some(errno::LOCK_WAIT_TIMEOUT)) {
                    Some(blocker) => failure.cause(format!("the table is held by {blocker}")),
                    None => failure,
                })
            }
        }
    }

    /// What will tell whether a statement has happened.
    ///
    /// Looking at definitions waits for whoever changes one of them, on MySQL that of any table; that passes.
    async fn proof(&mut self, statement: &Statement<'_>) -> Result<Proof> {
        if self.record.is_none() || statement.reading != Reading::Whole {
            return Ok(Proof::Nothing);
        }
        let schema = match outcome::is_definition(statement.text) {
            true => self.deploy.session_schema().await?,
            false => self.deploy.schema.clone(),
        };
        let (began, patience) = (Instant::now(), self.deploy.request.options.lock_patience);
        let mut work = self.deploy.server.session_for(Role::Work, "connecting").await?;
        let proof = loop {
            match Proof::of(statement.text, &schema, &self.state, self.transactional, &mut work).await {
                Err(error) if error.disposition() == Disposition::Retry && began.elapsed() < patience => {
                    self.check_stop()?;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                proof => break proof,
            }
        };
        work.close().await;
        proof.map_err(|error| server_failure("looking at what a statement defines", &error))
    }

    /// The tables that a statement locks, when it may be tried again until it gets them.
    async fn locks(&mut self, statement: &Statement<'_>) -> Result<Option<Vec<TableName>>> {
        let may_be_tried = statement.reading == Reading::Whole && !self.looks_back && !self.state.waits_as_told();
        if !may_be_tried || self.state.tables_locked_by().is_some() {
            return Ok(None);
        }
        let names = match locked_tables(statement.text) {
            None => return Ok(None),
            Some(Locked::Tables(names) | Locked::Changed(names)) => names,
            Some(Locked::TableOf(trigger)) => {
                let trigger = self.deploy.full_name(&trigger).await?;
                let mut work = self.deploy.server.session_for(Role::Work, "connecting").await?;
                let table = table_of_trigger(&mut work, &trigger).await;
                work.close().await;
                let table = table.map_err(|error| server_failure("looking for a trigger's table", &error))?;
                return Ok(Some(table.into_iter().collect()));
            }
        };
        let mut tables = Vec::new();
        for name in &names {
            tables.push(self.deploy.full_name(name).await?);
        }
        Ok(Some(tables))
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
}
