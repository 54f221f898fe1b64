//! Who deploys: Prisma's advisory lock, and replank's own.
//!
//! Prisma asks for its lock and does not look at the answer; here it is honoured.
//! replank's own lock is taken as well, because Prisma's can be turned off, and a deploy that goes on with what another
//! one began must know that the other one is gone.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{Failure, Result, Stop};
use crate::event::Events;
use crate::prisma::errors;
use crate::server::named_lock::{self, Held};
use crate::server::{Process, Server, Session, server_failure};
use crate::sql::Ident;
use crate::sql::beginning::beginning;

/// The name that every version of Prisma uses, for the whole server.
const PRISMAS: &str = "prisma_migrate";
/// How long Prisma waits for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// A killed deploy's connection takes a moment to be noticed by the server.
const OWN_PATIENCE: Duration = Duration::from_secs(2);
/// Prisma's switch: set to anything but nothing and 0.
const SWITCH: &str = "PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK";

/// Both locks, or only replank's own.
#[derive(Debug)]
pub struct Locks {
    prismas: Option<Held>,
    own: Option<Held>,
}

impl Locks {
    /// Takes both for a deploy.
    pub async fn for_deploy(
        server: &Arc<Server>,
        schema: &Ident,
        events: &Events,
        stop: &CancellationToken,
    ) -> Result<Locks> {
        let mut locks = Locks::for_resolve(server, events, stop).await?;
        let name = named_lock::name_for(&format!("deploy of {schema}"));
        let own = Held::take(server, &name, "the deploy's lock", OWN_PATIENCE, events, stop).await;
        locks.own = own.map_err(|error| server_failure("taking the deploy's lock", &error))?;
        if locks.own.is_none() {
            let holder = named_lock::holder(server, &name).await.ok().flatten();
            locks.release().await;
            let by = holder.map(|holder| format!(", {}", described(&holder))).unwrap_or_default();
            return Err(Failure::new(Stop::Occupied, format!("another deploy of {schema} is running{by}"))
                .table("untouched by this command")
                .next("wait for it to end, then run this one again"));
        }
        Ok(locks)
    }

    /// Takes Prisma's, for a command that only writes to the ledger.
    pub async fn for_resolve(server: &Arc<Server>, events: &Events, stop: &CancellationToken) -> Result<Locks> {
        let host = server.opts().ip_or_hostname();
        let switched_off = std::env::var(SWITCH).is_ok_and(|value| !value.is_empty() && value != "0");
        // PlanetScale has no such locks.
        if switched_off || host.contains(".psdb.cloud") {
            return Ok(Locks { prismas: None, own: None });
        }
        let held = Held::take(server, PRISMAS, "the advisory lock `prisma_migrate`", PATIENCE, events, stop).await;
        let held = held.map_err(|error| server_failure("taking the advisory lock", &error))?;
        if held.is_some() {
            return Ok(Locks { prismas: held, own: None });
        }
        let holder = named_lock::holder(server, PRISMAS).await.ok().flatten();
        let by = holder.as_ref().map_or_else(|| "a connection that has ended since".to_owned(), described);
        let statement = format!("SELECT GET_LOCK('{PRISMAS}', {})", PATIENCE.as_secs());
        Err(errors::locked(&errors::location(server.opts()), &statement, PATIENCE.as_millis() as u64, &by))
    }

    /// Gives them back.
    pub async fn release(self) {
        for held in [self.own, self.prismas].into_iter().flatten() {
            held.release().await;
        }
    }
}

fn described((id, process): &(u32, Option<Process>)) -> String {
    match process {
        Some(process) => format!("connection {id} ({}@{})", process.user, process.host),
        None => format!("connection {id}"),
    }
}

/// Marks the session that runs statements, and waits until that of an earlier deploy is gone: a killed process leaves
/// its last statement running on the server.
pub async fn take_over_statements(
    session: &mut Session,
    schema: &Ident,
    events: &Events,
    stop: &CancellationToken,
) -> Result<()> {
    let name = named_lock::name_for(&format!("statements of {schema}"));
    let failed = |error| server_failure("looking for statements of an earlier deploy", &error);
    let mut told = false;
    loop {
        if named_lock::take(session, &name, Duration::from_secs(1)).await.map_err(failed)? {
            return Ok(());
        }
        if !told && let Ok(Some((id, process))) = named_lock::holder(session.server(), &name).await {
            let statement = process.map(|process| process.statement).unwrap_or_default();
            let statement = beginning(&statement);
            events.notice(format!(
                "waiting for a statement of an earlier deploy, which connection {id} still runs: {statement}"
            ));
            told = true;
        }
        if stop.is_cancelled() {
            return Err(Failure::new(Stop::Interrupted, "stopped while a statement of an earlier deploy still runs")
                .table("as that statement leaves it")
                .next("`replank deploy` goes on"));
        }
    }
}
