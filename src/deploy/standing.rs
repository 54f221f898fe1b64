//! How the migrations stand, for `replank status`. Changes nothing, takes no lock.

use mysql_async::Opts;

use super::database;
use crate::error::Result;
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
    /// What `prisma migrate status` says.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Reads both sides.
pub async fn standings(opts: &Opts, directory: &MigrationsDirectory) -> Result<Standings> {
    let schema = database(opts)?;
    let failed = |error| errors::no_connection(opts, &error);
    let (server, denied) = Server::connect(opts.clone()).await.map_err(failed)?;
    if let Some(error) = denied {
        return Err(failed(error));
    }
    let names = if directory.exists() { directory.names()? } else { Vec::new() };
    let on_disk = on_disk(directory, &names)?;
    let ledger = Ledger::of(schema);
    let failed = |error| server_failure("reading `_prisma_migrations`", &error);
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    let rows = match ledger.exists(&mut session).await.map_err(failed)? {
        true => Some(ledger.rows(&mut session).await.map_err(failed)?),
        false => None,
    };
    session.close().await;
    Ok(Standings {
        directory: directory.path().display().to_string(),
        migrations: entries(&on_disk, rows.as_deref().unwrap_or_default()),
        verdict: verdict(&names, rows.as_deref()),
    })
}

/// The migrations on disk with their scripts.
pub(super) fn on_disk(directory: &MigrationsDirectory, names: &[String]) -> Result<Vec<OnDisk>> {
    names.iter().map(|name| Ok(OnDisk { name: name.clone(), script: directory.script(name)? })).collect()
}
