//! `prisma migrate resolve`: somebody says how an unfinished migration ended. Not of one that is the change of an
//! unfinished `replank alter`: that run could not record it any more.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use mysql_async::Opts;
use tokio_util::sync::CancellationToken;

use super::advisory::Locks;
use super::{database, of_alter, refuse_other_provider};
use crate::error::Result;
use crate::event::Events;
use crate::plan::bookkeeping_schema;
use crate::prisma::{Ledger, LedgerRow, MigrationsDirectory, checksum, errors};
use crate::server::{Role, Server, ServerError, Session, server_failure};
use crate::sql::Ident;

/// How a migration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// All of its changes are in the database.
    Applied(String),
    /// None of them is.
    RolledBack(String),
}

/// Writes it down. `bookkeeping` is the schema of replank's books, when it is not the usual one.
pub async fn resolve(
    opts: Opts,
    migrations: PathBuf,
    resolution: Resolution,
    bookkeeping: Option<&str>,
    events: Events,
    stop: CancellationToken,
) -> Result<()> {
    let schema = database(&opts)?;
    let failed = |error: ServerError| errors::no_connection(&opts, &error);
    let (server, denied) = Server::connect(opts.clone()).await.map_err(failed)?;
    if let Some(error) = denied {
        return Err(failed(error));
    }
    let bookkeeping = match bookkeeping {
        Some(_) => Some(super::bookkeeping(bookkeeping, &schema)?),
        // No books have been made for such a name.
        None => bookkeeping_schema(&schema, None).ok(),
    };
    let ledger = Ledger::of(schema);
    let directory = MigrationsDirectory::lenient(migrations);
    if matches!(resolution, Resolution::Applied(_)) {
        refuse_other_provider(&directory)?;
    }
    let locks = Locks::for_resolve(&server, &events, &stop).await?;
    let resolved = write_down(&server, &ledger, bookkeeping.as_ref(), &directory, &resolution).await;
    locks.release().await;
    resolved
}

async fn write_down(
    server: &Arc<Server>,
    ledger: &Ledger,
    bookkeeping: Option<&Ident>,
    directory: &MigrationsDirectory,
    resolution: &Resolution,
) -> Result<()> {
    let (Resolution::Applied(name) | Resolution::RolledBack(name)) = resolution;
    if let Some(bookkeeping) = bookkeeping {
        refuse_of_alter(server, ledger, bookkeeping, name).await?;
    }
    match resolution {
        Resolution::Applied(name) => applied(server, ledger, directory, name).await,
        Resolution::RolledBack(name) => rolled_back(server, ledger, name).await,
    }
}

async fn refuse_of_alter(server: &Arc<Server>, ledger: &Ledger, bookkeeping: &Ident, name: &str) -> Result<()> {
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    let rows = match ledger.exists(&mut session).await.map_err(failed)? {
        true => rows_of(ledger, &mut session, name).await?,
        false => Vec::new(),
    };
    session.close().await;
    match of_alter::unfinished(server, bookkeeping, &rows).await?.first() {
        Some(unfinished) => Err(unfinished.refusal()),
        None => Ok(()),
    }
}

async fn applied(server: &Arc<Server>, ledger: &Ledger, directory: &MigrationsDirectory, name: &str) -> Result<()> {
    let on_disk = directory.exists() && directory.names()?.iter().any(|other| other == name);
    if !on_disk {
        return Err(errors::migration_missing(name));
    }
    let script = directory.script(name)?.ok_or_else(|| errors::script_missing(name))?;
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    // Whatever the schema holds: declaring what it holds already is what baselining is.
    if !ledger.exists(&mut session).await.map_err(failed)? {
        ledger.create(&mut session).await.map_err(failed)?;
    }
    let rows = rows_of(ledger, &mut session, name).await?;
    if rows.iter().any(|row| row.finished_at.is_some()) {
        return Err(errors::already_applied(name));
    }
    mark_unfinished(ledger, &mut session, &rows).await?;
    ledger.record_declared(&mut session, name, &checksum(&script), Timestamp::now()).await.map_err(failed)?;
    session.close().await;
    Ok(())
}

async fn rolled_back(server: &Arc<Server>, ledger: &Ledger, name: &str) -> Result<()> {
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    let rows = match ledger.exists(&mut session).await.map_err(failed)? {
        true => rows_of(ledger, &mut session, name).await?,
        false => Vec::new(),
    };
    if rows.is_empty() {
        return Err(errors::never_applied(name));
    }
    if rows.iter().all(|row| row.finished_at.is_some()) {
        return Err(errors::not_failed(name));
    }
    mark_unfinished(ledger, &mut session, &rows).await?;
    session.close().await;
    Ok(())
}

async fn rows_of(ledger: &Ledger, session: &mut Session, name: &str) -> Result<Vec<LedgerRow>> {
    let mut rows = ledger.rows(session).await.map_err(failed)?;
    rows.retain(|row| row.migration_name == name);
    Ok(rows)
}

async fn mark_unfinished(ledger: &Ledger, session: &mut Session, rows: &[LedgerRow]) -> Result<()> {
    for row in rows.iter().filter(|row| row.is_unfinished()) {
        ledger.record_rolled_back(session, &row.id, Timestamp::now()).await.map_err(failed)?;
    }
    Ok(())
}

fn failed(error: ServerError) -> crate::error::Failure {
    server_failure("writing to `_prisma_migrations`", &error)
}
