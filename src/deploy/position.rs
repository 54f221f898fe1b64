//! Where a deploy is within a script, kept in the bookkeeping schema: a row for each migration that it began.
//!
//! Invariant: what is about to be done is written before it is done, together with what will tell afterwards whether it
//! has happened; so a later deploy never does a statement twice and never leaves one out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::outcome::Proof;
use crate::error::{Failure, Result, Stop};
use crate::runs::{FORMAT, make_table};
use crate::schema;
use crate::server::retry::Tries;
use crate::server::{Role, Server, ServerError, Session, errno, server_failure};
use crate::sql::{Ident, TableName, string_literal};

/// Name of the table; the application's own schema may be chosen for it.
const DEPLOYS_TABLE: &str = "replank_deploys";

/// How far a script is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Statements that are done.
    pub done: usize,
    /// What was begun after them.
    pub in_flight: Option<InFlight>,
}

/// What was begun and not seen to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InFlight {
    /// How many statements it is.
    pub statements: usize,
    /// What tells whether it has happened.
    pub proof: Proof,
}

/// How a migration that a deploy began stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Unfinished, and the next deploy can go on.
    Running,
    /// A statement failed: somebody has to resolve the migration, as with Prisma.
    Failed,
    /// All of it is done.
    Done,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Failed => "failed",
            State::Done => "done",
        }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub id: u64,
    /// Checksum of the script that was begun.
    pub checksum: String,
    /// `running`, `failed` or `done`.
    pub state: String,
    /// How far it is.
    pub position: Position,
}

impl Record {
    /// Whether a deploy can go on with it.
    pub fn is_running(&self) -> bool {
        self.state == State::Running.as_str()
    }
}

/// The table and a session for it.
#[derive(Debug)]
pub struct Deploys {
    table: TableName,
    session: Session,
}

impl Deploys {
    /// Makes the table when it is missing. `None` where the account may not: then nothing is kept, and an interrupted
    /// migration stays failed, as with Prisma.
    pub async fn open(server: &Arc<Server>, bookkeeping: &Ident) -> Result<Option<Deploys>> {
        let mut session = server.session_for(Role::Work, "connecting for the bookkeeping").await?;
        let table = table_in(bookkeeping);
        match make_table(&mut session, &table, &create_sql(&table)).await? {
            Ok(()) => Ok(Some(Deploys { table, session })),
            Err(error) if error.is_any(&errno::DENIED) => {
                session.close().await;
                Ok(None)
            }
            Err(error) => Err(server_failure(&format!("making the bookkeeping schema {bookkeeping}"), &error)),
        }
    }

    /// Opens it only if it is there.
    pub async fn find(server: &Arc<Server>, bookkeeping: &Ident) -> Result<Option<Deploys>> {
        let mut session = server.session_for(Role::Work, "connecting for the bookkeeping").await?;
        let table = table_in(bookkeeping);
        if schema::exists(&mut session, &table).await.map_err(|error| reading(&error))? {
            return Ok(Some(Deploys { table, session }));
        }
        session.close().await;
        Ok(None)
    }

    /// Begins a migration; gives the row's number.
    pub async fn begin(&mut self, schema: &Ident, migration: &str, checksum: &str, ledger_id: &str) -> Result<u64> {
        let sql = format!(
            "INSERT INTO {} (format, table_schema, migration, checksum, ledger_id, state, position, started_at, \
             updated_at) VALUES ({FORMAT}, {}, {}, {}, {}, 'running', {}, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
            self.table,
            string_literal(schema.as_str()),
            string_literal(migration),
            string_literal(checksum),
            string_literal(ledger_id),
            string_literal(&document(&Position::default())),
        );
        let failed = |error: ServerError| server_failure("recording the deploy", &error);
        self.session.execute(&sql).await.map_err(failed)?;
        let id: Option<u64> = self.session.first_row("SELECT LAST_INSERT_ID()").await.map_err(failed)?;
        Ok(id.unwrap_or_default())
    }

    /// The row that belongs to a row of the ledger.
    pub async fn of_ledger_row(&mut self, ledger_id: &str) -> Result<Option<Record>> {
        let sql = format!(
            "SELECT id, format, checksum, state, position FROM {} WHERE ledger_id = {} ORDER BY id DESC LIMIT 1",
            self.table,
            string_literal(ledger_id)
        );
        let row: Option<(u64, u32, String, String, String)> =
            self.session.first_row(&sql).await.map_err(|error| reading(&error))?;
        let Some((id, format, checksum, state, position)) = row else { return Ok(None) };
        let position = match (format, serde_json::from_str(&position)) {
            (FORMAT, Ok(position)) => position,
            (_, outcome) => {
                let failure = Failure::new(Stop::Occupied, "the deploy was begun by another version of replank")
                    .table("untouched by this command")
                    .next("finish it with the version that began it");
                return Err(match outcome {
                    Err(error) => failure.cause(error),
                    Ok(_) => failure.cause(format!("format {format}, this version knows {FORMAT}")),
                });
            }
        };
        Ok(Some(Record { id, checksum, state, position }))
    }

    /// Writes how far a migration is.
    pub async fn save(&mut self, id: u64, position: &Position) -> Result<()> {
        let sql = save_sql(&self.table, id, position);
        self.update(&sql).await
    }

    /// The statement that does this, for a transaction of somebody else's session.
    pub fn save_sql(&self, id: u64, position: &Position) -> String {
        save_sql(&self.table, id, position)
    }

    /// Writes how a migration stands.
    pub async fn set_state(&mut self, id: u64, state: State) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET state = {}, updated_at = UTC_TIMESTAMP(6) WHERE id = {id}",
            self.table,
            string_literal(state.as_str())
        );
        self.update(&sql).await
    }

    /// Closes the session.
    pub async fn close(self) {
        self.session.close().await;
    }

    async fn update(&mut self, sql: &str) -> Result<()> {
        let mut tries = Tries::of("recording how far the deploy is");
        loop {
            match self.session.execute(sql).await {
                Ok(_) => return Ok(()),
                Err(error) => tries.recover_silently(&mut self.session, error).await?,
            }
        }
    }
}

fn reading(error: &ServerError) -> Failure {
    server_failure("reading the bookkeeping", error)
}

fn document(position: &Position) -> String {
    serde_json::to_string(position).expect("a position is plain data")
}

fn table_in(bookkeeping: &Ident) -> TableName {
    TableName { schema: bookkeeping.clone(), table: Ident::new(DEPLOYS_TABLE) }
}

fn save_sql(table: &TableName, id: u64, position: &Position) -> String {
    format!(
        "UPDATE {table} SET position = {}, updated_at = UTC_TIMESTAMP(6) WHERE id = {id}",
        string_literal(&document(position))
    )
}

fn create_sql(table: &TableName) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (\
         id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
         format INT UNSIGNED NOT NULL, \
         table_schema VARCHAR(64) NOT NULL, \
         migration VARCHAR(255) NOT NULL, \
         checksum VARCHAR(64) NOT NULL, \
         ledger_id CHAR(36) NOT NULL, \
         state VARCHAR(16) NOT NULL, \
         position LONGTEXT NOT NULL, \
         started_at DATETIME(6) NOT NULL, \
         updated_at DATETIME(6) NOT NULL, \
         KEY ledger_id (ledger_id)\
         ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    )
}
