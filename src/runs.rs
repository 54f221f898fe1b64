//! Bookkeeping: which runs there are, how far they are, what they left. In a schema of its own.
//!
//! Invariant: the row says at least what has happened to the tables, never more; a phase is written before anything of
//! it is done, and every step adopts what it finds.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::error::{Failure, Result, Stop};
use crate::event::Phase;
use crate::foreign_keys::{ForeignKey, ForeignKeys, KeyChanges};
use crate::plan::{Alter, ClauseError, read_clauses};
use crate::schema;
use crate::server::retry::Tries;
use crate::server::{Role, Server, ServerError, Session, named_lock, server_failure};
use crate::sql::{Ident, TableName, string_literal};
use crate::user_triggers::UserTrigger;

/// Format of the rows and of the checkpoint document. A row of another format is refused, never guessed at.
pub const FORMAT: u32 = 1;

/// Name of the table; the application's own schema may be chosen for it, and may have a table called `runs`.
pub const RUNS_TABLE: &str = "replank_runs";

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Begun and not over; the process may be gone.
    Running,
    /// The change has happened; the old table may be kept.
    Done,
    /// Taken back before it happened.
    Aborted,
    /// Taken back after it happened, by a later run.
    RolledBack,
}

impl State {
    /// The word in the row.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Done => "done",
            State::Aborted => "aborted",
            State::RolledBack => "rolled_back",
        }
    }
}

/// A run's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its number.
    pub id: u64,
    /// The table it changes.
    pub table: TableName,
    /// Full migration name, stamp included.
    pub migration: String,
    /// The clauses as typed.
    pub clauses: String,
    /// Id of its row in Prisma's ledger, `None` when it is not recorded there.
    pub ledger_id: Option<String>,
    /// The phase it was in.
    pub phase: Phase,
    /// `running`, `done`, `aborted` or `rolled_back`.
    pub state: String,
    /// Start, UTC.
    pub started_at: String,
    /// Last sign of life, UTC.
    pub updated_at: String,
}

/// A running change with a row in Prisma's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The row's id.
    pub ledger_id: String,
    /// Full migration name, stamp included.
    pub migration: String,
    /// The table.
    pub table: TableName,
    /// Whether the new definition is known to be in place.
    pub has_swapped: bool,
}

/// What a resume needs, stored as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// SHOW CREATE TABLE of the shadow with all its indexes, which the finished shadow must equal.
    pub target_definition: String,
    /// Index definitions to build after the copy, as SHOW CREATE TABLE prints them.
    pub deferred_indexes: Vec<String>,
    /// Whether the shadow has a temporary unique index on the walked key.
    pub temporary_key: bool,
    /// The original as it was when the triggers were installed.
    pub original: Option<Identity>,
    /// Name of the index that keeps the walked key unique in the shadow.
    pub shadow_index: String,
    /// Name of the original's index that is walked; `None` of a run that another version began.
    #[serde(default)]
    pub walked_key: Option<String>,
    /// The last key of the original when the copy began, raw; later ones come through the change log.
    pub last_key: Option<Vec<String>>,
    /// Everything up to this key is copied; raw.
    pub watermark: Option<Vec<String>>,
    /// Rows copied so far.
    pub rows_copied: u64,
    /// Whether the reverse log was armed, and its triggers may still be there.
    pub reverse_armed: bool,
    /// The reverse log as it was made; `None` of a run that another version began.
    #[serde(default)]
    pub reverse_log: Option<Identity>,
    /// Whether the old table is dropped, as the run was begun.
    pub drop_old: bool,
    /// The step of a deploy that the run is, which keeps Prisma's ledger by itself.
    #[serde(default)]
    pub step: Option<String>,
    /// How long the old table is kept, in seconds; `None` of a run that another version began.
    #[serde(default)]
    pub keep_for: Option<u64>,
    /// What is kept since the run has ended.
    #[serde(default)]
    pub kept: Option<Kept>,
    /// The run that this one takes back.
    #[serde(default)]
    pub rolls_back: Option<u64>,
    /// The application's own triggers on the original, as they were when the copy was prepared.
    #[serde(default)]
    pub user_triggers: Vec<UserTrigger>,
    /// Once they may be muted: the user variable by which they then know that the swap was. Of this run only, because
    /// sessions of the application keep it.
    #[serde(default)]
    pub muted_by: Option<String>,
    /// What is done about foreign keys.
    #[serde(default)]
    pub foreign_keys: ForeignKeys,
    /// What the clauses do to foreign keys, where they do something.
    #[serde(default)]
    pub key_changes: Option<KeyChanges>,
}

impl Checkpoint {
    /// What is made of the table itself: the clauses as typed, or what is left of them beside the foreign keys.
    pub fn made(&self, typed: Alter) -> Result<Alter> {
        let Some(changes) = &self.key_changes else { return Ok(typed) };
        match read_clauses(&changes.rest) {
            Ok(alter) => Ok(alter),
            Err(ClauseError::Empty) => Ok(Alter { clauses: Vec::new() }),
            Err(error) => Err(Failure::new(Stop::Occupied, "the recorded clauses cannot be read").cause(error)),
        }
    }

    /// The foreign keys that the clauses add.
    pub fn added_keys(&self) -> &[ForeignKey] {
        self.key_changes.as_ref().map(|changes| changes.added.as_slice()).unwrap_or_default()
    }

    /// Those that they drop.
    pub fn dropped_keys(&self) -> &[ForeignKey] {
        self.key_changes.as_ref().map(|changes| changes.dropped.as_slice()).unwrap_or_default()
    }
}

/// A table that a run has taken out of use and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its schema.
    pub schema: String,
    /// Its name there.
    pub table: String,
    /// What it was when it got there. Whatever is found under its name is ours only if it is still that.
    pub identity: Identity,
    /// Until when, as the server writes a DATETIME, in UTC.
    pub until: String,
}

impl Kept {
    /// Where it is.
    pub fn name(&self) -> TableName {
        TableName::new(self.schema.clone(), self.table.clone())
    }
}

impl Identity {
    /// By the definition alone.
    pub fn unnumbered(definition: String) -> Self {
        Self { definition, table_ids: None, tablespaces: None }
    }

    /// Whether this is the same table: by InnoDB's numbers, or by the definition where they may not be read.
    pub fn is_same_table(&self, other: &Identity) -> bool {
        self.has_numbers_of(other).unwrap_or_else(|| self.definition == other.definition)
    }

    /// Whether nobody truncated or rebuilt it; `None` where the numbers of either may not be read.
    pub fn has_numbers_of(&self, other: &Identity) -> Option<bool> {
        let same = |one: &Option<Vec<u64>>, two: &Option<Vec<u64>>| Some(one.as_ref()? == two.as_ref()?);
        same(&self.tablespaces, &other.tablespaces).or_else(|| same(&self.table_ids, &other.table_ids))
    }
}

/// What tells a table from another one under the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// SHOW CREATE TABLE without the counter.
    pub definition: String,
    /// InnoDB's numbers of the table and its partitions, which TRUNCATE and a rebuild change; `None` where they may not
    /// be read, and where `tablespaces` are.
    pub table_ids: Option<Vec<u64>>,
    /// MySQL: the same of its files, which are read without a wait for other tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespaces: Option<Vec<u64>>,
}

/// The bookkeeping schema and a session for it.
#[derive(Debug, Clone)]
pub struct Runs {
    schema: Ident,
    session: Arc<Mutex<Session>>,
}

impl Runs {
    /// Creates the schema and the table when they are missing.
    pub async fn open(server: &Arc<Server>, schema: &Ident) -> Result<Runs> {
        let mut session = server.session_for(Role::Work, "connecting for the bookkeeping").await?;
        let runs = Runs::table_in(schema);
        let failed = |error: ServerError| {
            Failure::new(Stop::Server, format!("cannot make the bookkeeping schema {schema}"))
                .table("untouched")
                .next(format!("GRANT ALL ON {schema}.* to the account, or name another with `--bookkeeping-schema`"))
                .cause(error)
        };
        make_table(&mut session, &runs, &create_sql(&runs)).await?.map_err(failed)?;
        Ok(Runs { schema: schema.clone(), session: Arc::new(Mutex::new(session)) })
    }

    /// Opens them only if they exist; makes nothing.
    pub async fn find(server: &Arc<Server>, schema: &Ident) -> Result<Option<Runs>> {
        let mut session = server.session_for(Role::Work, "connecting for the bookkeeping").await?;
        let found = schema::exists(&mut session, &Runs::table_in(schema)).await;
        if !found.map_err(|error| server_failure("looking for the bookkeeping schema", &error))? {
            session.close().await;
            return Ok(None);
        }
        Ok(Some(Runs { schema: schema.clone(), session: Arc::new(Mutex::new(session)) }))
    }

    fn table_in(schema: &Ident) -> TableName {
        TableName { schema: schema.clone(), table: Ident::new(RUNS_TABLE) }
    }

    /// Begins a run.
    pub async fn begin(
        &self,
        table: &TableName,
        migration: &str,
        clauses: &str,
        ledger_id: Option<&str>,
        phase: Phase,
        checkpoint: &Checkpoint,
    ) -> Result<RunRow> {
        let runs = Runs::table_in(&self.schema);
        let sql = insert_sql(&runs, table, migration, clauses, ledger_id, phase, checkpoint);
        let mut session = self.session.lock().await;
        let done = async {
            session.execute(&sql).await?;
            session.first_row::<u64>("SELECT LAST_INSERT_ID()").await
        };
        let id = done.await.map_err(|error| server_failure("recording the run", &error))?.unwrap_or(0);
        drop(session);
        let row = self.of_id(id).await?;
        row.map(|(row, _)| row)
            .ok_or_else(|| Failure::new(Stop::Unexpected, "the run that was just recorded is not there"))
    }

    /// The running row of a table.
    pub async fn running(&self, table: &TableName) -> Result<Option<(RunRow, Checkpoint)>> {
        Ok(self.rows(&format!("{} AND state = 'running'", of_table(table))).await?.pop())
    }

    /// The row of that number.
    pub async fn of_id(&self, id: u64) -> Result<Option<(RunRow, Checkpoint)>> {
        Ok(self.rows(&format!("id = {id}")).await?.pop())
    }

    /// The finished rows, of one table or of all, oldest first.
    pub async fn done(&self, table: Option<&TableName>) -> Result<Vec<(RunRow, Checkpoint)>> {
        let of_table = table.map(|table| format!("{} AND ", of_table(table))).unwrap_or_default();
        self.rows(&format!("{of_table}state = 'done'")).await
    }

    /// The newest row of a step of a deploy.
    pub async fn of_step(&self, step: &str) -> Result<Option<RunRow>> {
        let rows = self.all().await?.into_iter().rev();
        let mut of_step = rows.filter(|(_, checkpoint)| checkpoint.step.as_deref() == Some(step));
        Ok(of_step.next().map(|(row, _)| row))
    }

    /// All rows, oldest first.
    pub async fn all(&self) -> Result<Vec<(RunRow, Checkpoint)>> {
        self.rows("TRUE").await
    }

    /// The running changes that have a row in Prisma's ledger, oldest first. Those of other versions, too.
    pub async fn recorded(&self) -> Result<Vec<Recorded>> {
        let swapped = [Phase::Constrain, Phase::Record, Phase::Cleanup].map(|phase| string_literal(phase.label()));
        let sql = format!(
            "SELECT ledger_id, migration, table_schema, table_name, phase IN ({}) FROM {} \
             WHERE state = 'running' AND ledger_id IS NOT NULL ORDER BY id",
            swapped.join(", "),
            Runs::table_in(&self.schema)
        );
        let mut session = self.session.lock().await;
        let found: Vec<(String, String, String, String, bool)> =
            session.rows(&sql).await.map_err(|error| server_failure("reading the bookkeeping", &error))?;
        let recorded = |(ledger_id, migration, schema, table, has_swapped): (_, _, String, String, _)| Recorded {
            ledger_id,
            migration,
            table: TableName::new(schema, table),
            has_swapped,
        };
        Ok(found.into_iter().map(recorded).collect())
    }

    /// Writes phase and checkpoint.
    pub async fn save(&self, row: &RunRow, phase: Phase, checkpoint: &Checkpoint) -> Result<()> {
        let document = serde_json::to_string(checkpoint).expect("a checkpoint is plain data");
        self.update(
            row,
            &format!("phase = {}, checkpoint = {}", string_literal(phase.label()), string_literal(&document)),
        )
        .await
    }

    /// Ends a run.
    pub async fn end(&self, row: &RunRow, state: State) -> Result<()> {
        self.update(row, &format!("state = {}", string_literal(state.as_str()))).await
    }

    async fn update(&self, row: &RunRow, assignments: &str) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET {assignments}, updated_at = UTC_TIMESTAMP(6) WHERE id = {}",
            Runs::table_in(&self.schema),
            row.id
        );
        let mut session = self.session.lock().await;
        let mut tries = Tries::of("saving the checkpoint");
        loop {
            match session.execute(&sql).await {
                Ok(_) => return Ok(()),
                Err(error) => tries.recover_silently(&mut session, error).await?,
            }
        }
    }

    async fn rows(&self, condition: &str) -> Result<Vec<(RunRow, Checkpoint)>> {
        let sql = format!(
            "SELECT id, format, table_schema, table_name, migration, clauses, ledger_id, phase, state, checkpoint, \
             CAST(started_at AS CHAR), CAST(updated_at AS CHAR) FROM {} WHERE {condition} ORDER BY id",
            Runs::table_in(&self.schema)
        );
        let mut session = self.session.lock().await;
        let stored: Vec<Stored> =
            session.rows(&sql).await.map_err(|error| server_failure("reading the bookkeeping", &error))?;
        stored.into_iter().map(decode).collect::<Result<_>>()
    }
}

/// Makes a table of the bookkeeping, and its schema, unless they are there.
pub async fn make_table(session: &mut Session, table: &TableName, create_sql: &str) -> Result<Result<(), ServerError>> {
    match schema::exists(session, table).await {
        Ok(false) => {}
        there => return Ok(there.map(drop)),
    }
    lock_schema(session, &table.schema).await?;
    let made = async {
        make_schema(session, &table.schema).await?;
        session.execute(create_sql).await?;
        unlock_schema(session, &table.schema).await
    };
    Ok(made.await)
}

/// How long the schema may be kept by somebody who is making it: that takes a few statements.
const SCHEMA_PATIENCE: Duration = Duration::from_secs(30);

/// Takes the lock under which a bookkeeping schema is made, and dropped again by who made it for a trial only.
pub async fn lock_schema(session: &mut Session, schema: &Ident) -> Result<()> {
    let failed = |error| server_failure("taking the lock of the bookkeeping schema", &error);
    if named_lock::take(session, &schema_lock(schema), SCHEMA_PATIENCE).await.map_err(failed)? {
        return Ok(());
    }
    Err(Failure::new(Stop::Occupied, format!("another replank run is making the bookkeeping schema {schema}"))
        .table("untouched")
        .next("run the command again when that one is further"))
}

/// Gives that lock back.
pub async fn unlock_schema(session: &mut Session, schema: &Ident) -> Result<(), ServerError> {
    named_lock::give_back(session, &schema_lock(schema)).await
}

/// Makes the schema unless it is there; says whether it did. Needs its lock.
pub async fn make_schema(session: &mut Session, schema: &Ident) -> Result<bool, ServerError> {
    let missing = !schema::schema_exists(session, schema).await?;
    if missing {
        session.execute(&format!("CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET utf8mb4")).await?;
    }
    Ok(missing)
}

fn schema_lock(schema: &Ident) -> String {
    named_lock::name_for(&format!("{schema} itself"))
}

type Stored = (u64, u32, String, String, String, String, Option<String>, String, String, String, String, String);

fn decode(stored: Stored) -> Result<(RunRow, Checkpoint)> {
    let (id, format, schema, table, migration, clauses, ledger_id, phase, state, document, started_at, updated_at) =
        stored;
    let unreadable = |cause: String| {
        Failure::new(Stop::Occupied, format!("run {id} was recorded by another version of replank"))
            .table("untouched by this command")
            .next("finish or abort it with the version that began it")
            .cause(cause)
    };
    if format != FORMAT {
        return Err(unreadable(format!("format {format}, this version knows {FORMAT}")));
    }
    let checkpoint = serde_json::from_str(&document).map_err(|error| unreadable(error.to_string()))?;
    let phase =
        serde_json::from_value(serde_json::Value::String(phase)).map_err(|error| unreadable(error.to_string()))?;
    let table = TableName::new(schema, table);
    Ok((RunRow { id, table, migration, clauses, ledger_id, phase, state, started_at, updated_at }, checkpoint))
}

fn of_table(table: &TableName) -> String {
    format!(
        "table_schema = {} AND table_name = {}",
        string_literal(table.schema.as_str()),
        string_literal(table.table.as_str())
    )
}

fn create_sql(runs: &TableName) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {runs} (\
         id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
         format INT UNSIGNED NOT NULL, \
         table_schema VARCHAR(64) NOT NULL, \
         table_name VARCHAR(64) NOT NULL, \
         migration VARCHAR(255) NOT NULL, \
         clauses LONGTEXT NOT NULL, \
         ledger_id CHAR(36) NULL, \
         phase VARCHAR(16) NOT NULL, \
         state VARCHAR(16) NOT NULL, \
         checkpoint LONGTEXT NOT NULL, \
         started_at DATETIME(6) NOT NULL, \
         updated_at DATETIME(6) NOT NULL\
         ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    )
}

fn insert_sql(
    runs: &TableName,
    table: &TableName,
    migration: &str,
    clauses: &str,
    ledger_id: Option<&str>,
    phase: Phase,
    checkpoint: &Checkpoint,
) -> String {
    let document = serde_json::to_string(checkpoint).expect("a checkpoint is plain data");
    format!(
        "INSERT INTO {runs} (format, table_schema, table_name, migration, clauses, ledger_id, phase, state, checkpoint, \
         started_at, updated_at) VALUES ({FORMAT}, {}, {}, {}, {}, {}, {}, 'running', {}, \
         UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        string_literal(table.schema.as_str()),
        string_literal(table.table.as_str()),
        string_literal(migration),
        string_literal(clauses),
        ledger_id.map_or_else(|| "NULL".to_owned(), string_literal),
        string_literal(phase.label()),
        string_literal(&document),
    )
}
