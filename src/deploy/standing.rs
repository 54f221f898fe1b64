//! How the migrations stand, for `replank status`. Changes nothing, takes no lock.

use mysql_async::Opts;

use super::database;
use super::of_alter::{self, UnfinishedAlter};
use super::position::{Deploys, Record};
use crate::error::Result;
use crate::plan::bookkeeping_schema;
use crate::prisma::history::{Entry, OnDisk, Verdict, entries, verdict};
use crate::prisma::{Ledger, MigrationsDirectory, errors};
use crate::server::{Role, Server, server_failure};

/// Both sides together.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Standings {
    /// The directory, as it was given.
    pub directory: String,
    /// Every migration of either side, in the order of deploys.
    pub migrations: Vec<Entry>,
    /// What the next deploy goes on with: failed to Prisma.
    pub resumable: Vec<Resumable>,
    /// What `replank alter` has begun: failed to Prisma, too.
    pub unfinished_alters: Vec<UnfinishedAlter>,
    /// What `prisma migrate status` says.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Standings {
    /// Whether each failed migration is one that replank has begun, and says more of than that it failed.
    pub fn all_are_replanks(&self) -> bool {
        let Verdict::Failed { failed } = &self.verdict else { return false };
        let is_replanks = |name: &String| {
            self.resumable.iter().any(|resumable| resumable.migration == *name)
                || self.unfinished_alters.iter().any(|unfinished| unfinished.migration == *name)
        };
        failed.iter().all(is_replanks)
    }
}

/// A migration that the next deploy goes on with.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Resumable {
    /// Its name.
    pub migration: String,
    /// Statements that are done.
    pub statements_done: u64,
}

/// Reads both sides. `bookkeeping` is the schema of replank's books, when it is not the usual one.
pub async fn standings(opts: &Opts, directory: &MigrationsDirectory, bookkeeping: Option<&str>) -> Result<Standings> {
    let schema = database(opts)?;
    let failed = |error| errors::no_connection(opts, &error);
    let (server, denied) = Server::connect(opts.clone()).await.map_err(failed)?;
    if let Some(error) = denied {
        return Err(failed(error));
    }
    let names = if directory.exists() { directory.names()? } else { Vec::new() };
    let on_disk = on_disk(directory, &names)?;
    let bookkeeping = bookkeeping_schema(&schema, bookkeeping).ok();
    let ledger = Ledger::of(schema);
    let failed = |error| server_failure("reading `_prisma_migrations`", &error);
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    let rows = match ledger.exists(&mut session).await.map_err(failed)? {
        true => Some(ledger.rows(&mut session).await.map_err(failed)?),
        false => None,
    };
    session.close().await;
    let mut resumable = Vec::new();
    let books = match &bookkeeping {
        Some(bookkeeping) => Deploys::find(&server, bookkeeping).await?,
        None => None,
    };
    if let Some(mut books) = books {
        for row in rows.iter().flatten().filter(|row| row.is_unfinished()) {
            if let Some(record) = books.of_ledger_row(&row.id).await?.filter(Record::is_running) {
                let statements_done = record.position.done as u64;
                resumable.push(Resumable { migration: row.migration_name.clone(), statements_done });
            }
        }
        books.close().await;
    }
    let unfinished_alters = match &bookkeeping {
        Some(bookkeeping) => of_alter::unfinished(&server, bookkeeping, rows.as_deref().unwrap_or_default()).await?,
        None => Vec::new(),
    };
    Ok(Standings {
        resumable,
        unfinished_alters,
        directory: directory.path().display().to_string(),
        migrations: entries(&on_disk, rows.as_deref().unwrap_or_default()),
        verdict: verdict(&names, rows.as_deref()),
    })
}

/// The migrations on disk with their scripts.
pub(super) fn on_disk(directory: &MigrationsDirectory, names: &[String]) -> Result<Vec<OnDisk>> {
    names.iter().map(|name| Ok(OnDisk { name: name.clone(), script: directory.script(name)? })).collect()
}
