//! Applies the pending migrations of a directory, as `prisma migrate deploy` does, except that what would hurt a big
//! table is done online.
//!
//! Invariant: what Prisma would find in the database after each statement is what it would find after its own deploy:
//! the same rows in its ledger, written at the same moments, and an unfinished one as long as a migration is not done.

mod advisory;
mod assignments;
pub mod defines;
pub mod locked_tables;
mod look_back;
mod merge;
mod migration;
pub mod of_alter;
mod outcome;
mod position;
pub mod resolve;
pub(crate) mod session_state;
pub mod standing;
pub mod step;
mod table_change;

use std::path::PathBuf;
use std::sync::Arc;

use mysql_async::Opts;
use tokio_util::sync::CancellationToken;

use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events};
use crate::plan::bookkeeping_schema;
use crate::prisma::history;
use crate::prisma::{Ledger, LedgerRow, MigrationsDirectory, errors};
use crate::server::{Role, Server, ServerError, Session, errno, server_failure};
use crate::settings::RunOptions;
use crate::sql::Ident;
use advisory::Locks;
use migration::Migration;
use position::{Deploys, Record};
use session_state::SessionState;
pub(crate) use table_change::settings;

/// What `replank deploy` was asked to do.
#[derive(Debug, Clone)]
pub struct DeployRequest {
    /// The server, with the database.
    pub server: Opts,
    /// The migrations directory.
    pub migrations: PathBuf,
    /// Whether somebody named it, so that it must be there.
    pub migrations_named: bool,
    /// Rows from which on a table is big.
    pub online_above_rows: u64,
    /// Bytes, indexes included, from which on a table is big.
    pub online_above_bytes: u64,
    /// Whether a change that cannot be made online is left to the server, which blocks writes to the table.
    pub allow_blocking: bool,
    /// How changes of big tables run.
    pub options: RunOptions,
}

/// A deploy under way.
pub(crate) struct Deploy {
    pub request: DeployRequest,
    pub server: Arc<Server>,
    pub schema: Ident,
    pub ledger: Ledger,
    /// Where it is kept how far a migration is; `None` where the account may not.
    pub books: Option<Deploys>,
    /// Runs what is run as it is: one session for all migrations, as Prisma has it.
    pub session: Session,
    /// The settings of that session when it was new.
    pub settings: String,
    /// The schema that names without one mean in that session, once it was asked for.
    pub session_schema: Option<Ident>,
    /// What the migrations so far have left in it.
    pub left: SessionState<'static>,
    pub events: Events,
    pub stop: CancellationToken,
}

/// Applies what is pending; gives the names of what was applied, in order.
pub async fn deploy(request: DeployRequest, events: Events, stop: CancellationToken) -> Result<Vec<String>> {
    let schema = database(&request.server)?;
    let server = connect(&request.server, &schema, &events).await?;
    let directory = directory(&request)?;
    let names = if directory.exists() { directory.names()? } else { Vec::new() };
    events
        .emit(Event::MigrationsFound { count: names.len() as u64, directory: directory.path().display().to_string() });
    refuse_other_provider(&directory)?;
    let locks = Locks::for_deploy(&server, &schema, &events, &stop).await?;
    let deployed = deploy_locked(request, server, schema, &directory, &names, events, stop).await;
    locks.release().await;
    deployed
}

async fn deploy_locked(
    request: DeployRequest,
    server: Arc<Server>,
    schema: Ident,
    directory: &MigrationsDirectory,
    names: &[String],
    events: Events,
    stop: CancellationToken,
) -> Result<Vec<String>> {
    let ledger = Ledger::of(schema.clone());
    initialise(&server, &ledger).await?;
    let mut session = server.session_for(Role::Script, "connecting for the migrations").await?;
    advisory::take_over_statements(&mut session, &schema, &events, &stop).await?;
    bound_lock_waits(&mut session, &request.options).await?;
    let settings = table_change::settings(&mut session).await;
    let settings = settings.map_err(|error| server_failure("reading the session's settings", &error))?;
    let bookkeeping = bookkeeping(request.options.bookkeeping.as_deref(), &schema)?;
    // Only now is it certain that nobody else writes rows.
    let rows = ledger_rows(&server, &ledger).await?;
    let mut books = Deploys::find(&server, &bookkeeping).await?;
    let begun = match begun(&rows, books.as_mut(), directory).await {
        Ok(begun) => begun,
        Err(failure) => return Err(of_alter::told_with(failure, &server, &bookkeeping, &rows).await),
    };
    tell_what_prisma_hides(directory, names, &rows, &events)?;
    let pending: Vec<String> = history::pending(names, &rows).into_iter().map(str::to_owned).collect();
    if books.is_none() && !pending.is_empty() {
        books = Deploys::open(&server, &bookkeeping).await?;
        if books.is_none() {
            events.notice(format!(
                "the account may not make {bookkeeping}, so a migration that is interrupted cannot be resumed and no \
                 table can be changed online"
            ));
        }
    }
    let mut deploy = Deploy {
        request,
        server,
        schema,
        ledger,
        books,
        session,
        settings,
        session_schema: None,
        left: SessionState::default(),
        events,
        stop,
    };
    let mut applied = Vec::new();
    let outcome = deploy.apply(directory, begun, &pending, &mut applied).await;
    deploy.session.close().await;
    if let Some(books) = deploy.books {
        books.close().await;
    }
    outcome.map(|()| applied)
}

impl Deploy {
    async fn apply(
        &mut self,
        directory: &MigrationsDirectory,
        begun: Option<(LedgerRow, Record)>,
        pending: &[String],
        applied: &mut Vec<String>,
    ) -> Result<()> {
        if let Some((row, record)) = begun {
            let script = script(directory, &row.migration_name)?;
            Migration::go_on(self, &row, record, &script).await?;
            applied.push(row.migration_name);
        }
        for name in pending {
            self.check_stop(name)?;
            let script = script(directory, name)?;
            Migration::begin(self, name, &script).await?;
            applied.push(name.clone());
        }
        Ok(())
    }

    fn check_stop(&self, next: &str) -> Result<()> {
        if !self.stop.is_cancelled() {
            return Ok(());
        }
        Err(Failure::new(Stop::Interrupted, format!("stopped before the migration `{next}`"))
            .table("untouched by it")
            .next("`replank deploy` goes on"))
    }
}

/// The name of the database in the URL, which everything is about.
pub(crate) fn database(server: &Opts) -> Result<Ident> {
    const OF_SERVER: [&str; 4] = ["mysql", "information_schema", "performance_schema", "sys"];
    let name = server.db_name().ok_or_else(|| {
        Failure::new(Stop::Usage, "the database URL names no database")
            .next("write it as `mysql://user:password@host:3306/database`")
    })?;
    match OF_SERVER.iter().any(|database| name.eq_ignore_ascii_case(database)) {
        true => Err(errors::system_database(name)),
        false => Ok(Ident::new(name)),
    }
}

/// Connects; creates the database when it is missing, as Prisma does.
async fn connect(opts: &Opts, schema: &Ident, events: &Events) -> Result<Arc<Server>> {
    let failed = |error: &ServerError| errors::no_connection(opts, error);
    let (server, denied) = Server::connect(opts.clone()).await.map_err(|error| failed(&error))?;
    let Some(error) = denied else { return Ok(server) };
    if error.code() != Some(errno::UNKNOWN_DATABASE) {
        return Err(failed(&error));
    }
    let mut session = server.session_for(Role::Work, "connecting").await?;
    let sql = format!("CREATE DATABASE {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
    session.execute(&sql).await.map_err(|error| errors::database_missing(opts).cause(error))?;
    session.close().await;
    events.emit(Event::DatabaseCreated { name: schema.as_str().to_owned(), location: errors::location(opts) });
    let (server, denied) = Server::connect(opts.clone()).await.map_err(|error| failed(&error))?;
    denied.map_or(Ok(server), |error| Err(failed(&error)))
}

fn directory(request: &DeployRequest) -> Result<MigrationsDirectory> {
    if request.migrations_named {
        // Prisma finds no migrations in a directory that is not there; a mistyped one must not look like a success.
        return MigrationsDirectory::readable(&request.migrations);
    }
    Ok(MigrationsDirectory::lenient(&request.migrations))
}

/// P3019.
pub(crate) fn refuse_other_provider(directory: &MigrationsDirectory) -> Result<()> {
    directory.foreign_provider()?.map_or(Ok(()), |found| Err(errors::provider_switched(&found)))
}

/// The ledger is made in an empty schema only; a view alone does not count.
async fn initialise(server: &Arc<Server>, ledger: &Ledger) -> Result<()> {
    let failed = |error: ServerError| server_failure("reading `_prisma_migrations`", &error);
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    if !ledger.exists(&mut session).await.map_err(failed)? {
        if ledger.schema_has_tables(&mut session).await.map_err(failed)? {
            return Err(errors::not_empty());
        }
        ledger.create(&mut session).await.map_err(|error| server_failure("making `_prisma_migrations`", &error))?;
    }
    session.close().await;
    Ok(())
}

/// The one setting that differs from Prisma's session: the server's default lets a statement wait for a table for a day
/// or a year, with everybody else who wants the table queued behind it.
async fn bound_lock_waits(session: &mut Session, options: &RunOptions) -> Result<()> {
    let sql = format!("SET SESSION lock_wait_timeout = {}", options.lock_patience.as_secs().max(1));
    let set = session.execute(&sql).await;
    set.map(drop).map_err(|error| server_failure("setting up the session for the migrations", &error))
}

async fn ledger_rows(server: &Arc<Server>, ledger: &Ledger) -> Result<Vec<LedgerRow>> {
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    let rows = ledger.rows(&mut session).await;
    session.close().await;
    rows.map_err(|error| server_failure("reading `_prisma_migrations`", &error))
}

pub(crate) fn bookkeeping(named: Option<&str>, schema: &Ident) -> Result<Ident> {
    bookkeeping_schema(schema, named).map_err(|error| {
        Failure::refused("the bookkeeping schema's name does not do")
            .table("untouched")
            .next("name another with `--bookkeeping-schema`")
            .cause(error)
    })
}

/// The migration that an earlier deploy of the same script left unfinished; P3009 for every other unfinished row.
async fn begun(
    rows: &[LedgerRow],
    books: Option<&mut Deploys>,
    directory: &MigrationsDirectory,
) -> Result<Option<(LedgerRow, Record)>> {
    let unfinished: Vec<LedgerRow> = rows.iter().filter(|row| row.is_unfinished()).cloned().collect();
    let [row] = unfinished.as_slice() else {
        return if unfinished.is_empty() { Ok(None) } else { Err(errors::failed_migrations(&unfinished)) };
    };
    let record = match books {
        Some(books) => books.of_ledger_row(&row.id).await?,
        None => None,
    };
    let Some(record) = record.filter(Record::is_running) else {
        return Err(errors::failed_migrations(&unfinished));
    };
    let script = directory.script(&row.migration_name)?;
    if script.is_none_or(|script| crate::prisma::checksum(&script) != record.checksum) {
        return Err(errors::failed_migrations(&unfinished).next(format!(
            "its script is not the one that was begun, of which {} statements are done: put that one back, and the \
             next deploy goes on",
            record.position.done
        )));
    }
    Ok(Some((row.clone(), record)))
}

/// Prisma deploys without a word where a migration was edited after it was applied, or is missing on disk.
fn tell_what_prisma_hides(
    directory: &MigrationsDirectory,
    names: &[String],
    rows: &[LedgerRow],
    events: &Events,
) -> Result<()> {
    let on_disk = standing::on_disk(directory, names)?;
    for entry in history::entries(&on_disk, rows) {
        if entry.standing == history::Standing::Applied && !entry.on_disk {
            events.notice(format!("the migration `{}` is applied, but not on disk", entry.name));
        } else if entry.edited {
            events.notice(format!("the migration `{}` was modified after it was applied", entry.name));
        }
    }
    Ok(())
}

fn script(directory: &MigrationsDirectory, name: &str) -> Result<String> {
    directory.script(name)?.ok_or_else(|| errors::script_missing(name))
}
