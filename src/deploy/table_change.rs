//! How a change of a table that is there is made: as it is on a small table, otherwise by replank, or not at all.

use std::time::Duration;

use super::Deploy;
use super::assignments::text_behind_settings;
use super::defines::defines;
use super::foreign_key::{self, NotDropped};
use super::migration::Migration;
use super::outcome::{Happened, Proof};
use super::session_state::SessionState;
use super::step::{Action, AsIs, Step, TableChange, classify};
use crate::error::{Failure, Rejected, Result, Stop};
use crate::event::Event;
use crate::pipeline;
use crate::plan::{ClauseKind, TableRef};
use crate::runs::Runs;
use crate::schema;
use crate::server::{Role, Session, errno, server_failure};
use crate::settings::{AlterRequest, RunOptions};
use crate::sql::TableName;
use crate::survey::{Survey, stored_name};
use crate::takeover::{self, Taken};

/// How often the script's session is used while a table is copied, so that the server does not close it.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// A change that is not run as it is.
pub(super) enum Change {
    /// By a run of replank's own: natively or as an online copy.
    Run(Box<(AlterRequest, Survey)>),
    /// `DROP FOREIGN KEY`, which changes metadata only.
    DropForeignKey(TableName, TableChange),
    /// The server does not take the clauses.
    Rejected(Rejected),
    /// The statements one after the other, because the server does not take them together.
    OneByOne,
}

impl Change {
    /// How a step is made; `None` to run its statements as they are.
    pub async fn of(migration: &mut Migration<'_>, step: &Step<'_>) -> Result<Option<Change>> {
        let Some(change) = step.change() else { return not_understood(migration, step).await.map(|()| None) };
        let state = migration.state();
        let deploy = &mut *migration.deploy;
        let Some(table) = big_table(deploy, &change.table).await? else { return Ok(None) };
        if let Some(why) = not_by_replank(deploy, change, &state).await? {
            let refused = Failure::refused(format!("{table} is not changed by statement {}: {why}", numbers(step)));
            return blocking(deploy, &table, refused).map(|()| None);
        }
        if foreign_key::touches(change) {
            return Ok(Some(Change::DropForeignKey(table, change.clone())));
        }
        let request = AlterRequest {
            server: deploy.request.server.clone(),
            table: table.clone(),
            clauses: change.alter.spliced(),
            name: migration.name.to_owned(),
            step: Some(migration.step_name()),
            options: migration.deploy.request.options.clone(),
        };
        match Survey::make(&request).await {
            Ok(survey) => Ok(Some(Change::Run(Box::new((request, survey))))),
            Err(failure) => match rejection(&failure, change) {
                Some(_) if step.statements.len() > 1 => Ok(Some(Change::OneByOne)),
                Some(rejected) => Ok(Some(Change::Rejected(rejected))),
                None if failure.stop == Stop::Refused => blocking(migration.deploy, &table, failure).map(|()| None),
                None => Err(failure),
            },
        }
    }

    /// Makes the change.
    pub async fn make(self, migration: &mut Migration<'_>, step: &Step<'_>) -> Result<()> {
        let (Some(first), Some(last)) = (step.statements.first(), step.statements.last()) else { return Ok(()) };
        match self {
            Change::Run(run) => {
                let (request, survey) = *run;
                let table = &request.table;
                let table = (table.schema.as_str().to_owned(), table.table.as_str().to_owned());
                commit(migration).await?;
                migration.begun(step.statements.len(), &Proof::Run { table }).await?;
                migration.tell(first, last, "by replank");
                let (events, stop) = (migration.deploy.events.clone(), migration.deploy.stop.clone());
                let changed = pipeline::change(request, survey, events, stop);
                alive(&mut migration.deploy.session, changed).await?;
                migration.done(step.statements.len()).await
            }
            Change::DropForeignKey(table, change) => drop_foreign_key(migration, step, &table, &change).await,
            Change::Rejected(rejected) => {
                migration.begun(1, &Proof::Repeatable).await?;
                Err(migration.rejected(first.number, &rejected, false).await)
            }
            Change::OneByOne => {
                let statement = first.clone();
                let single = Step { action: classify(&statement), statements: vec![statement] };
                match Box::pin(Change::of(migration, &single)).await? {
                    Some(change) => Box::pin(change.make(migration, &single)).await,
                    None => migration.run_as_it_is(first).await,
                }
            }
        }
    }
}

/// A query for the settings of a session that a change made in another session could miss.
pub(crate) const SETTINGS_SQL: &str = "SELECT CONCAT_WS('|', @@SESSION.sql_mode, @@SESSION.time_zone, \
    @@SESSION.character_set_client, @@SESSION.character_set_connection, @@SESSION.collation_connection, \
    @@SESSION.default_storage_engine, @@SESSION.innodb_strict_mode)";

/// What it gives.
pub(super) async fn settings(session: &mut Session) -> Result<String> {
    let settings: Option<String> = session
        .first_row(SETTINGS_SQL)
        .await
        .map_err(|error| server_failure("reading the session's settings", &error))?;
    Ok(settings.unwrap_or_default())
}

/// The table, if it is there and big.
async fn big_table(deploy: &mut Deploy, table: &TableRef) -> Result<Option<TableName>> {
    let schema = match &table.schema {
        Some(schema) => schema.clone(),
        None => deploy.session_schema().await?,
    };
    let name = TableName { schema, table: table.table.clone() };
    let name = stored_name(&deploy.server, &name);
    let mut work = deploy.server.session_for(Role::Work, "connecting").await?;
    let size = schema::size(&mut work, &name).await;
    work.close().await;
    let size = size.map_err(|error| server_failure("inspecting the table", &error))?;
    let request = &deploy.request;
    let is_big = |(rows, bytes)| rows >= request.online_above_rows || bytes >= request.online_above_bytes;
    Ok(size.filter(|size| is_big(*size)).map(|_| name))
}

/// A statement that changes a big table in words which mean more than its clauses is not for replank either.
async fn not_understood(migration: &mut Migration<'_>, step: &Step<'_>) -> Result<()> {
    let (tables, why) = match &step.action {
        Action::RunAsIs(AsIs::Frame(change)) => (
            vec![change.table.clone()],
            "its IGNORE, IF EXISTS or SET STATEMENT means more than the clauses".to_owned(),
        ),
        Action::RunAsIs(AsIs::Unread(error)) => {
            let text = step.statements.first().map(|statement| statement.text).unwrap_or_default();
            let text = text_behind_settings(text).unwrap_or(text);
            let objects = defines(text).map(|defines| defines.objects).unwrap_or_default();
            (objects.into_iter().map(|(_, name)| name).collect(), error.to_string())
        }
        _ => return Ok(()),
    };
    for table in tables {
        if let Some(table) = big_table(migration.deploy, &table).await? {
            let refused = Failure::refused(format!("{table} is not changed by statement {}: {why}", numbers(step)));
            return blocking(migration.deploy, &table, refused);
        }
    }
    Ok(())
}

/// Why a change cannot be made in another session than the script's, or online at all, before the table is looked at.
async fn not_by_replank(deploy: &mut Deploy, change: &TableChange, state: &SessionState<'_>) -> Result<Option<String>> {
    if deploy.books.is_none() {
        return Ok(Some("the account may not make the bookkeeping schema, so nothing could be resumed".to_owned()));
    }
    if foreign_key::touches(change) && !foreign_key::only_drops(change) {
        return Ok(Some(
            "the server checks every row for a new foreign key while it blocks writes, and replank does not do that \
             online yet"
                .to_owned(),
        ));
    }
    if let Some(number) = state.tables_locked_by() {
        return Ok(Some(format!("statement {number} has locked tables, and the change needs a session of its own")));
    }
    if settings(&mut deploy.session).await? != deploy.settings {
        return Ok(Some(
            "the script has changed settings of its session, which a change in another session would not have"
                .to_owned(),
        ));
    }
    Ok(None)
}

/// The server's answer, when the clauses themselves are at fault. The trial table lacks the original's foreign keys and,
/// on MySQL, the names of its checks, so an answer about a missing constraint is none.
fn rejection(failure: &Failure, change: &TableChange) -> Option<Rejected> {
    let by_name = change.alter.changes().any(|clause| {
        matches!(
            clause.kind,
            ClauseKind::DropConstraint { .. } | ClauseKind::DropCheck { .. } | ClauseKind::AlterConstraint { .. }
        )
    });
    let rejected = Rejected::clone(failure.rejected.as_ref()?);
    (!(by_name && errno::NO_SUCH_CONSTRAINT.contains(&rejected.code))).then_some(rejected)
}

/// A change that only the server could make, by blocking: if that is allowed, a notice, else the refusal.
fn blocking(deploy: &Deploy, table: &TableName, refused: Failure) -> Result<()> {
    if deploy.request.allow_blocking {
        deploy.events.emit(Event::Blocking { table: table.plain(), reason: refused.what });
        return Ok(());
    }
    let refused = refused.table("untouched by this statement; the migration is unfinished");
    Err(refused.next("`replank deploy --allow-blocking` runs it as it is, which blocks writes to the table meanwhile"))
}

fn numbers(step: &Step<'_>) -> String {
    let numbers: Vec<String> = step.statements.iter().map(|statement| statement.number.to_string()).collect();
    numbers.join(", ")
}

/// The statement that is made elsewhere would have committed what the script has open.
async fn commit(migration: &mut Migration<'_>) -> Result<()> {
    let committed = migration.deploy.session.execute("COMMIT").await;
    committed.map(drop).map_err(|error| server_failure("committing before a table is changed", &error))
}

async fn drop_foreign_key(
    migration: &mut Migration<'_>,
    step: &Step<'_>,
    table: &TableName,
    change: &TableChange,
) -> Result<()> {
    let Some(statement) = step.statements.first() else { return Ok(()) };
    commit(migration).await?;
    let mut work = migration.deploy.server.session_for(Role::Work, "connecting").await?;
    let proof = Proof::of(statement.text, &table.schema, &SessionState::default(), false, &mut work).await;
    work.close().await;
    let proof = proof.map_err(|error| server_failure("looking at what a statement defines", &error))?;
    migration.begun(step.statements.len(), &proof).await?;
    migration.tell(statement, statement, "in a lock window");
    let deploy = &*migration.deploy;
    let patience = deploy.request.options.lock_patience;
    let dropped = foreign_key::drop_keys(&deploy.server, table, change, patience, &deploy.events, &deploy.stop).await;
    match dropped {
        Ok(()) => migration.done(step.statements.len()).await,
        Err(NotDropped::Rejected(error)) => Err(migration.failed(statement.number, &error, false).await),
        Err(NotDropped::Stopped(failure)) => Err(failure.next("`replank deploy` goes on")),
    }
}

/// Goes on with the run of a step, if there is one.
pub(super) async fn settle_run(migration: &mut Migration<'_>, table: &(String, String)) -> Result<Happened> {
    let table = TableName::new(table.0.clone(), table.1.clone());
    let step = migration.step_name();
    let deploy = &mut *migration.deploy;
    let (_, bookkeeping) = crate::survey::names(&table, &deploy.request.options)?;
    let Some(runs) = Runs::find(&deploy.server, &bookkeeping).await? else { return Ok(Happened::No) };
    match runs.of_step(&step).await? {
        Some(row) if row.state == "running" => {
            let options = RunOptions { record: false, ..deploy.request.options.clone() };
            let (server, events) = (deploy.request.server.clone(), deploy.events.clone());
            let resumed = takeover::resume(server, table, options, events, deploy.stop.clone());
            match alive(&mut deploy.session, resumed).await? {
                Taken::Done => Ok(Happened::Yes),
                // Somebody has ended it in this moment; how, its row says.
                Taken::Nothing => {
                    let row = runs.of_step(&step).await?;
                    Ok(if row.is_some_and(|row| row.state == "done") { Happened::Yes } else { Happened::No })
                }
            }
        }
        Some(row) if row.state == "done" => Ok(Happened::Yes),
        // Taken back, or never begun.
        _ => Ok(Happened::No),
    }
}

/// Keeps a session alive while something else takes its time.
async fn alive<T>(session: &mut Session, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            () = tokio::time::sleep(KEEP_ALIVE) => {
                // A session that is gone is noticed by the next statement in it.
                let _ = tokio::time::timeout(Duration::from_secs(1), session.ping()).await;
            }
        }
    }
}
