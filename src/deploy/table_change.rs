//! How a change of a table that is there is made: as it is on a small table, otherwise by replank, or not at all.

use std::time::Duration;

use super::Deploy;
use super::assignments::text_behind_settings;
use super::defines::defines;
use super::migration::{Migration, Waits};
use super::outcome::{Happened, Proof};
use super::session_state::{EARLIER, SessionState};
use super::step::{Action, AsIs, Step, TableChange, classify};
use crate::error::{Failure, Rejected, Result, Stop};
use crate::event::Event;
use crate::pipeline;
use crate::plan::{ClauseKind, TableRef};
use crate::runs::Runs;
use crate::schema;
use crate::server::{Role, ServerError, Session, errno, server_failure};
use crate::settings::{AlterRequest, RunOptions};
use crate::sql::{TableName, string_literal};
use crate::survey::{Survey, stored_name};
use crate::takeover::{self, Taken};

/// How often the script's session is used while a table is copied, so that the server does not close it.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// A change that is not run as it is.
pub(super) enum Change {
    /// By a run of replank's own: natively or as an online copy.
    Run(Box<(AlterRequest, Survey)>),
    /// The server does not take the clauses.
    Rejected(Rejected),
    /// By the server, blocking writes, which is allowed.
    Blocking,
    /// The statements one after the other, because the server does not take them together.
    OneByOne,
}

impl Change {
    /// How a step is made; `None` to run its statements as they are.
    pub async fn of(migration: &mut Migration<'_>, step: &Step<'_>) -> Result<Option<Change>> {
        let Some(change) = step.change() else { return not_understood(migration, step).await };
        let Migration { deploy, state, .. } = &mut *migration;
        let deploy = &mut **deploy;
        let Some(table) = big_table(deploy, &change.table).await? else { return Ok(None) };
        if let Some(why) = not_by_replank(deploy, state).await? {
            let refused = Failure::refused(format!("{table} is not changed by statement {}: {why}", numbers(step)));
            return blocking(deploy, &table, refused).map(Some);
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
                None if failure.stop == Stop::Refused => blocking(migration.deploy, &table, failure).map(Some),
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
            Change::Rejected(rejected) => {
                migration.begun(1, &Proof::Repeatable).await?;
                Err(migration.rejected(first.number, &rejected, false).await)
            }
            Change::Blocking => {
                for statement in &step.statements {
                    migration.check_stop()?;
                    migration.run_as_it_is(statement, Waits::Long).await?;
                }
                Ok(())
            }
            Change::OneByOne => {
                let statement = first.clone();
                let single = Step { action: classify(&statement), statements: vec![statement] };
                match Box::pin(Change::of(migration, &single)).await? {
                    Some(change) => Box::pin(change.make(migration, &single)).await,
                    None => migration.run_as_it_is(first, Waits::Short).await,
                }
            }
        }
    }
}

/// The settings of a session that a change made in another session could miss; servers that have not one of them leave
/// it out.
const SETTINGS: [&str; 17] = [
    "alter_algorithm",
    "character_set_client",
    "character_set_collations",
    "character_set_connection",
    "check_constraint_checks",
    "collation_connection",
    "default_storage_engine",
    "enforce_storage_engine",
    "explicit_defaults_for_timestamp",
    "innodb_strict_mode",
    "old_mode",
    "sql_generate_invisible_primary_key",
    "sql_mode",
    "sql_require_primary_key",
    "system_versioning_alter_history",
    "system_versioning_insert_history",
    "time_zone",
];

/// Those settings, as text that can be compared.
pub(crate) async fn settings(session: &mut Session) -> Result<String, ServerError> {
    let names = SETTINGS.map(string_literal).join(", ");
    let sql = format!("SHOW SESSION VARIABLES WHERE variable_name IN ({names})");
    let values: Vec<(String, String)> = session.rows(&sql).await?;
    Ok(values.into_iter().map(|(name, value)| format!("{name}={value}\n")).collect())
}

/// The table, if it is there and big.
async fn big_table(deploy: &mut Deploy, table: &TableRef) -> Result<Option<TableName>> {
    let name = deploy.full_name(table).await?;
    let name = stored_name(&deploy.server, &name);
    let mut work = deploy.server.session_for(Role::Work, "connecting").await?;
    let size = schema::size(&mut work, &name).await;
    work.close().await;
    let size = size.map_err(|error| server_failure("inspecting the table", &error))?;
    let request = &deploy.request;
    let is_big = |(rows, bytes)| rows >= request.online_above_rows || bytes >= request.online_above_bytes;
    Ok(size.filter(|size| is_big(*size)).map(|_| name))
}

/// The table of a trigger, if there is one.
pub(super) async fn table_of_trigger(
    work: &mut Session,
    trigger: &TableName,
) -> Result<Option<TableName>, ServerError> {
    let sql = format!(
        "SELECT event_object_schema, event_object_table FROM information_schema.triggers WHERE trigger_schema = {} \
         AND trigger_name = {}",
        string_literal(trigger.schema.as_str()),
        string_literal(trigger.table.as_str())
    );
    let row: Option<(String, String)> = work.first_row(&sql).await?;
    Ok(row.map(|(schema, table)| TableName::new(schema, table)))
}

/// A statement that changes a big table in words which mean more than its clauses is not for replank either.
async fn not_understood(migration: &mut Migration<'_>, step: &Step<'_>) -> Result<Option<Change>> {
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
        _ => return Ok(None),
    };
    for table in tables {
        if let Some(table) = big_table(migration.deploy, &table).await? {
            let refused = Failure::refused(format!("{table} is not changed by statement {}: {why}", numbers(step)));
            return blocking(migration.deploy, &table, refused).map(Some);
        }
    }
    Ok(None)
}

/// Why a change cannot be made in another session than the script's, or online at all, before the table is looked at.
async fn not_by_replank(deploy: &mut Deploy, state: &SessionState<'_>) -> Result<Option<String>> {
    if deploy.books.is_none() {
        return Ok(Some("the account may not make the bookkeeping schema, so nothing could be resumed".to_owned()));
    }
    if let Some(number) = state.tables_locked_by() {
        let who = match number {
            EARLIER => "an earlier migration".to_owned(),
            number => format!("statement {number}"),
        };
        return Ok(Some(format!("{who} has locked tables, and the change needs a session of its own")));
    }
    let settings = settings(&mut deploy.session).await;
    let settings = settings.map_err(|error| server_failure("reading the session's settings", &error))?;
    if settings != deploy.settings {
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
fn blocking(deploy: &Deploy, table: &TableName, refused: Failure) -> Result<Change> {
    if deploy.request.allow_blocking {
        deploy.events.emit(Event::Blocking { table: table.plain(), reason: refused.what });
        return Ok(Change::Blocking);
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
