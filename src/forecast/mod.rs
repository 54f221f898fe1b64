//! What deploying the pending migrations would do: strategy, locks, time and disk of each step, and what the rules
//! find.
//!
//! Invariant: nothing is changed, not even for a moment; an account that may only read is enough.
//! So a strategy is predicted here (`plan/predict.rs`), and asked of the server when the change is made.
//! A migration may be about tables as an earlier pending one leaves them; `catalog.rs` follows them.

mod catalog;
mod estimate;
pub mod report;
pub mod rollback;
mod row_work;
mod script_session;
mod step_report;
mod subject;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mysql_async::Opts;

pub use catalog::{Catalog, Found, Standing};
pub use subject::Subject;

use crate::deploy::defines::{Kind, defines};
use crate::deploy::session_state::SessionState;
use crate::deploy::standing::standings;
use crate::deploy::step::{Step, steps};
use crate::error::{Failure, Result, Stop};
use crate::findings::{Case, Levels, Size, examine};
use crate::plan::checks::Inspection;
use crate::plan::definition::read_create_table;
use crate::plan::{Clause, TableRef};
use crate::plan::{bookkeeping_schema, checks};
use crate::prisma::{Ledger, LedgerRow, MigrationsDirectory, checksum, history};
use crate::row_questions::{ask, bound};
use crate::schema::{self, Relations};
use crate::server::{Role, Server, ServerError, Session, server_failure};
use crate::sql::script::{Statement, split};
use crate::sql::{Ident, TableName};
use crate::survey;
use crate::user_triggers;
use report::{FORMAT, MigrationReport, Report, Verdict};
use rollback::Rollback;
use row_work::row_work;
use script_session::ScriptSession;
use step_report::report_step;

/// What is to be planned, and how.
#[derive(Debug, Clone)]
pub struct ForecastRequest {
    /// The server, with the database.
    pub server: Opts,
    /// The migrations directory.
    pub migrations: PathBuf,
    /// Levels of the rules.
    pub levels: Levels,
    /// Rows from which on a table is changed online.
    pub online_above_rows: u64,
    /// Bytes, indexes included, from which on a table is changed online.
    pub online_above_bytes: u64,
    /// Whether a change that cannot be made online is left to the server, which blocks writes to the table.
    pub allow_blocking: bool,
    /// How long one question about the rows of a table may take.
    pub check_time: Duration,
    /// Space that must stay free on the data disk, in bytes.
    pub disk_reserve: u64,
    /// Schema for bookkeeping; `None` means `<schema>__replank`.
    pub bookkeeping: Option<String>,
}

/// A pending migration with its script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its name.
    pub name: String,
    /// Its script, `None` when the file is missing.
    pub script: Option<String>,
    /// Whether there is a rollback.sql beside it.
    pub has_rollback: bool,
    /// Statements that an interrupted deploy has done; the next one goes on behind them.
    pub done: Option<usize>,
}

/// The pending migrations, the tables they are about, and the connection that was used.
#[derive(Debug)]
pub struct Outlook {
    /// The server.
    pub server: Arc<Server>,
    /// The database of the URL.
    pub database: Ident,
    /// In the order they are applied.
    pub pending: Vec<Pending>,
    /// Tables that the migrations name and that are on the server.
    pub found: Vec<Found>,
    /// Why a deploy would not start.
    pub blockers: Vec<String>,
}

/// Reads what is pending and the tables it is about.
pub async fn look(request: &ForecastRequest) -> Result<(Outlook, Session)> {
    let database = request.server.db_name().map(Ident::new).ok_or_else(|| {
        Failure::new(Stop::Usage, "the URL names no database")
            .next("name the database of the migrations in it: mysql://user@host:3306/shop")
    })?;
    let directory = MigrationsDirectory::open(&request.migrations)?;
    let (server, denied) = Server::open_anyway(request.server.clone()).await?;
    let mut session = server.session_for(Role::Watch, "connecting").await?;
    let failed = |error: ServerError| server_failure("reading what is pending", &error);
    let is_there = schema::schema_exists(&mut session, &database).await.map_err(failed)?;
    // A database that is missing is empty: deploy makes it.
    if let Some(failure) = denied.filter(|_| is_there) {
        return Err(failure);
    }
    let ledger = Ledger::of(database.clone());
    let mut blockers = Vec::new();
    let rows = match is_there && ledger.exists(&mut session).await.map_err(failed)? {
        true => ledger.rows(&mut session).await.map_err(failed)?,
        false => {
            if is_there && ledger.schema_has_tables(&mut session).await.map_err(failed)? {
                blockers.push("P3005: the database is not empty and has no migration history".to_owned());
            }
            Vec::new()
        }
    };
    let names = directory.names()?;
    let mut pending = Vec::new();
    match begun(request, &directory, &rows).await? {
        Some(begun) => pending.push(begun),
        None => {
            for row in rows.iter().filter(|row| row.is_unfinished()) {
                blockers.push(format!("P3009: the migration `{}` has failed or is still running", row.migration_name));
            }
        }
    }
    for name in history::pending(&names, &rows) {
        let script = directory.script(name)?;
        if script.is_none() {
            blockers.push(format!("P3015: `{name}` has no migration.sql"));
        }
        let has_rollback = directory.rollback_path(name).is_file();
        pending.push(Pending { name: name.to_owned(), script, has_rollback, done: None });
    }
    let mut outlook = Outlook { server, database, pending, found: Vec::new(), blockers };
    outlook.found = find_tables(&outlook, &mut session, request).await.map_err(failed)?;
    Ok((outlook, session))
}

/// The migration that the next deploy goes on with, as it decides it: the only unfinished one, whose script is still
/// the one that was begun.
async fn begun(
    request: &ForecastRequest,
    directory: &MigrationsDirectory,
    rows: &[LedgerRow],
) -> Result<Option<Pending>> {
    let unfinished: Vec<&LedgerRow> = rows.iter().filter(|row| row.is_unfinished()).collect();
    let [row] = unfinished.as_slice() else { return Ok(None) };
    let standings = standings(&request.server, directory, request.bookkeeping.as_deref()).await?;
    let name = &row.migration_name;
    let Some(resumable) = standings.resumable.iter().find(|resumable| resumable.migration == *name) else {
        return Ok(None);
    };
    let script = directory.script(name)?;
    if script.as_ref().is_none_or(|script| checksum(script) != row.checksum) {
        return Ok(None);
    }
    let has_rollback = directory.rollback_path(name).is_file();
    Ok(Some(Pending { name: name.clone(), script, has_rollback, done: Some(resumable.statements_done as usize) }))
}

impl Pending {
    /// The steps of its script that are still to be done.
    pub fn steps(&self) -> Vec<Step<'_>> {
        let Some(script) = &self.script else { return Vec::new() };
        let mut script = split(script);
        script.statements.retain(|statement| statement.number > self.done.unwrap_or_default());
        steps(&script)
    }

    /// The statements that are done.
    fn done(&self) -> Vec<Statement<'_>> {
        let Some(script) = &self.script else { return Vec::new() };
        let done = |statement: &Statement<'_>| statement.number <= self.done.unwrap_or_default();
        split(script).statements.into_iter().filter(done).collect()
    }
}

impl Outlook {
    /// What takes each pending migration back.
    pub fn rollbacks(&self) -> Vec<Rollback> {
        let mut catalog = self.catalog();
        let rollback = |pending: &Pending| {
            let steps = pending.steps();
            let standings: Vec<Standing<'_>> = steps.iter().map(|step| catalog.take(step, &pending.name)).collect();
            Rollback::of(&pending.name, &standings)
        };
        self.pending.iter().map(rollback).collect()
    }

    /// The tables before the first pending migration.
    pub fn catalog(&self) -> Catalog {
        let folds_case = self.server.facts.lower_case_table_names != 0;
        Catalog::new(self.database.clone(), folds_case, self.found.clone())
    }
}

/// Reads every table that a pending migration names and that is there.
async fn find_tables(
    outlook: &Outlook,
    session: &mut Session,
    request: &ForecastRequest,
) -> Result<Vec<Found>, ServerError> {
    let mut names: Vec<TableName> = Vec::new();
    for pending in &outlook.pending {
        for step in pending.steps() {
            let subject = Subject::of(&step);
            let through = row_work(&step).map(|work| work.through).unwrap_or_default();
            for table in subject.tables().into_iter().chain(&through) {
                let name = full_name(&outlook.database, table);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
    }
    let mut found = Vec::new();
    for name in names {
        if let Some(table) = schema::inspect(session, &name).await? {
            let bytes = table.data_bytes + table.index_bytes;
            let is_big = table.rows_estimate >= request.online_above_rows || bytes >= request.online_above_bytes;
            let size = Size { rows: table.rows_estimate, bytes, is_big };
            let definition = read_create_table(&table.create_sql).and_then(|created| created.definition);
            found.push(Found { name, definition, create_sql: table.create_sql, size });
        }
    }
    Ok(found)
}

fn full_name(database: &Ident, table: &TableRef) -> TableName {
    TableName { schema: table.schema.clone().unwrap_or_else(|| database.clone()), table: table.table.clone() }
}

/// What takes each pending migration back.
pub async fn rollbacks(request: &ForecastRequest) -> Result<Vec<Rollback>> {
    let (outlook, session) = look(request).await?;
    session.close().await;
    Ok(outlook.rollbacks())
}

/// Saves each as rollback.sql beside its migration.sql; the paths. What somebody has written there stays.
pub fn save(migrations: &Path, rollbacks: &[Rollback]) -> Result<Vec<PathBuf>> {
    let directory = MigrationsDirectory::open(migrations)?;
    let save = |rollback: &Rollback| directory.write_rollback(&rollback.migration, &rollback.script());
    let (mut saved, mut failures) = (Vec::new(), Vec::new());
    for rollback in rollbacks {
        match save(rollback) {
            Ok(path) => saved.push(path),
            Err(failure) => failures.push(failure),
        }
    }
    let mut failures = failures.into_iter();
    let Some(mut first) = failures.next() else { return Ok(saved) };
    for other in failures {
        first.what = format!("{}; {}", first.what, other.what);
    }
    if !saved.is_empty() {
        let paths: Vec<String> = saved.iter().map(|path| format!("`{}`", path.display())).collect();
        first = first.next(format!("saved are {}", paths.join(", ")));
    }
    Err(first)
}

/// The whole plan.
pub async fn forecast(request: ForecastRequest) -> Result<Report> {
    let (outlook, session) = look(&request).await?;
    let server = &outlook.server;
    let mut asking = server.session_for(Role::Watch, "connecting for questions about rows").await?;
    bound(&mut asking, request.check_time)
        .await
        .map_err(|error| server_failure("setting up a session that only reads", &error))?;
    let script = ScriptSession::new(Arc::clone(server));
    let (outlook, request) = (&outlook, &request);
    let dropped_triggers = Vec::new();
    let mut planning = Planning { outlook, request, inspecting: session, asking, script, dropped_triggers };
    let mut catalog = outlook.catalog();
    let mut migrations = Vec::new();
    for pending in &outlook.pending {
        let steps = pending.steps();
        migrations.push(planning.migration(pending, &steps, &mut catalog).await?);
    }
    planning.inspecting.close().await;
    planning.asking.close().await;
    planning.script.close().await;
    let mut report = Report {
        format: FORMAT,
        verdict: Verdict::Safe,
        server: server.facts.label(),
        database: outlook.database.as_str().to_owned(),
        blockers: outlook.blockers.clone(),
        migrations,
    };
    report.judge();
    Ok(report)
}

struct Planning<'a> {
    outlook: &'a Outlook,
    request: &'a ForecastRequest,
    /// Reads definitions and settings.
    inspecting: Session,
    /// Asks about rows, in bounded time.
    asking: Session,
    /// Has what the scripts set.
    script: ScriptSession,
    /// Triggers that the statements so far drop.
    dropped_triggers: Vec<Ident>,
}

impl Planning<'_> {
    async fn migration(
        &mut self,
        pending: &Pending,
        steps: &[Step<'_>],
        catalog: &mut Catalog,
    ) -> Result<MigrationReport> {
        let flavor = self.outlook.server.facts.flavor;
        let standings: Vec<Standing<'_>> = steps.iter().map(|step| catalog.take(step, &pending.name)).collect();
        let mut reports = Vec::new();
        let done = pending.done();
        for statement in &done {
            self.script.take(statement.number, statement.text).await?;
        }
        for (at, standing) in standings.iter().enumerate() {
            let mut report = report_step(standing, flavor, &pending.name, &self.outlook.database);
            if !report.is_as_it_is() && standing.case.size.is_some_and(|size| size.is_big) {
                let before = done.iter().chain(steps[..at].iter().flat_map(|step| &step.statements));
                // The change that was interrupted may have its triggers on the table.
                let is_begun = at == 0 && pending.done.is_some();
                let refusal = match locked(before).or_else(|| self.other_settings()) {
                    Some(why) => Some(why),
                    None if report.is_copy() && !is_begun => self.refusal(standing).await?,
                    None => None,
                };
                match refusal {
                    Some(why) if self.request.allow_blocking => report.leave_to_server(why, standing.case.size),
                    refusal => report.refusal = refusal,
                }
            }
            reports.push(report);
            for statement in &steps[at].statements {
                self.script.take(statement.number, statement.text).await?;
                self.dropped_triggers.extend(dropped_triggers(statement.text));
            }
        }
        let mut migration = MigrationReport::new(&pending.name, reports);
        migration.done = pending.done;
        let cases = standings.into_iter().map(|standing| standing.case).collect();
        let case = Case { name: &pending.name, steps: cases, flavor, has_rollback: pending.has_rollback };
        let (mut findings, open) = examine(&case, &self.request.levels);
        for open in open {
            let answer = ask(&mut self.asking, &open.question.sql).await;
            findings.extend(open.settle(answer.as_ref()));
        }
        migration.add(findings);
        Ok(migration)
    }

    /// Why a change cannot be made in a session that has not the settings of the scripts' own.
    fn other_settings(&self) -> Option<String> {
        let number = self.script.changed_by()?;
        Some(format!(
            "statement {number} has changed settings of the session, which a change in another session would not have"
        ))
    }

    /// Why an online copy of the table would be refused as it is now.
    async fn refusal(&mut self, standing: &Standing<'_>) -> Result<Option<String>> {
        let (Some(name), Some(change)) = (&standing.case.table, standing.case.step.change()) else { return Ok(None) };
        let (facts, session) = (&self.outlook.server.facts, &mut self.inspecting);
        let failed = |error: ServerError| server_failure("inspecting a table", &error);
        let Some(table) = schema::inspect(session, name).await.map_err(failed)? else { return Ok(None) };
        let mut relations = Relations::read(session, name, facts.flavor).await.map_err(failed)?;
        standing.keys.apply(name, &mut relations);
        let grants = survey::read_grants(session).await?;
        let bookkeeping = bookkeeping_schema(&name.schema, self.request.bookkeeping.as_deref())
            .map_err(|error| Failure::refused("the bookkeeping schema's name does not do").cause(error))?;
        let inspection = Inspection {
            facts,
            grants: &grants,
            table: &table,
            relations: &relations,
            alter: &change.alter,
            bookkeeping: &bookkeeping,
            disk_free: survey::free_bytes(&self.outlook.server),
            disk_reserve: self.request.disk_reserve,
        };
        let is_dropped = |trigger: &str| self.dropped_triggers.iter().any(|name| name.as_str() == trigger);
        let triggers = user_triggers::read(session, name, is_dropped).await.map_err(failed)?;
        let after = standing.case.after.as_ref();
        let has_column = |column: &Ident| after.is_none_or(|after| after.column(column).is_some());
        let refused = checks::refuse_always(&inspection)
            .or_else(|| checks::refuse_copy_of_table(&inspection))
            .or_else(|| checks::refuse_triggers(name, &triggers, &has_column))
            .or_else(|| keyless(standing));
        Ok(refused.map(|failure| {
            // A clause has backticks of its own.
            let quoted = |what: String, clause: &Clause| {
                what.replace(&format!("`{}`", clause.text), &format!("\"{}\"", clause.text))
            };
            let what = change.alter.clauses.iter().fold(failure.what, quoted);
            match failure.next.first() {
                Some(next) => format!("{what}; {next}"),
                None => what,
            }
        }))
    }
}

/// The triggers that a statement drops.
fn dropped_triggers(text: &str) -> Vec<Ident> {
    let objects = defines(text).filter(|defines| defines.drops).map(|defines| defines.objects).unwrap_or_default();
    objects.into_iter().filter(|(kind, _)| *kind == Kind::Trigger).map(|(_, name)| name.table).collect()
}

/// Why a change cannot be made in a session of its own.
fn locked<'a>(statements: impl Iterator<Item = &'a Statement<'a>>) -> Option<String> {
    let state = SessionState::after(statements.map(|statement| (statement.number, statement.text)));
    let number = state.tables_locked_by()?;
    Some(format!("statement {number} has locked tables, and the change needs a session of its own"))
}

/// A copy needs a key before and after; which one it is shows when the change is made.
fn keyless(standing: &Standing<'_>) -> Option<Failure> {
    let (before, after) = (standing.case.before.as_ref()?, standing.case.after.as_ref()?);
    let next = "keep the key, or add another one in the same change";
    if !before.has_key() {
        return Some(Failure::refused("the table has no key that a copy can walk").next(next));
    }
    let loses = before.primary_key().is_some() && after.primary_key().is_none() || !after.has_key();
    loses.then(|| Failure::refused("the change leaves the table without a primary key").next(next))
}
