//! Builds the indexes that were left off the shadow, by one sorted in-place build, and proves that the shadow is then
//! what the user's clauses make of the table.
//!
//! The applier pauses meanwhile: the log grows, which costs disk only, and the build needs no row log of its own.

use crate::error::{Failure, Result, Stop};
use crate::run::Run;
use crate::schema;
use crate::server::retry::Tries;
use crate::server::{Role, errno, server_failure};
use crate::shadow::{add_temporary_key, comparable_definition, has_temporary_key};

/// Builds what is missing.
pub async fn build(run: &Run) -> Result<()> {
    let change = &run.change;
    let shadow = &change.shadow;
    let mut work = run.server.session_for(Role::Work, "connecting for the indexes").await?;
    let mut ddl = run.server.session_for(Role::Ddl, "connecting for the indexes").await?;
    let mut tries = Tries::of("building the indexes");
    let mut in_place = true;
    loop {
        run.check_stop()?;
        let missing = missing(run, &mut work).await?;
        if missing.is_empty() {
            break;
        }
        let adds: Vec<String> = missing.iter().map(|definition| format!("ADD {definition}")).collect();
        let algorithm = if in_place { ", ALGORITHM=INPLACE" } else { "" };
        let sql = format!("ALTER TABLE {shadow} {}{algorithm} {}", adds.join(", "), change.marker);
        match ddl.execute_until(&sql, &run.stop).await {
            Ok(_) => {}
            Err(error) if error.is_interrupted() && run.stop.is_cancelled() => return Err(run.interrupted()),
            Err(error) if error.code() == Some(errno::DUPLICATE_KEY) => return Err(duplicates(run, &error)),
            // MySQL's functional indexes with others, and MariaDB's keys over periods. Nobody but us uses the shadow.
            Err(error) if in_place && error.is_any(&errno::ALGORITHM_NOT_SUPPORTED) => in_place = false,
            Err(error) => tries.recover(&mut ddl, error, &run.events).await?,
        }
    }
    prove_definition(run, &mut work).await?;
    // The optimizer must not meet the new table without statistics.
    let analyzed: Result<Vec<mysql_async::Row>, _> = ddl.rows(&format!("ANALYZE TABLE {shadow}")).await;
    analyzed.map_err(|error| server_failure("ANALYZE of the shadow table", &error))?;
    work.close().await;
    ddl.close().await;
    Ok(())
}

/// Builds the temporary index again that keeps the walked key unique, when a swap that failed has dropped it: without
/// it, the applier would look up rows by full scans and leave copies of them.
pub async fn restore_temporary_key(run: &Run) -> Result<()> {
    if !run.checkpoint.temporary_key {
        return Ok(());
    }
    let change = &run.change;
    let failed = |error| server_failure("restoring the temporary index", &error);
    let mut ddl = run.server.session_for(Role::Ddl, "connecting for the indexes").await?;
    if !has_temporary_key(&mut ddl, &change.shadow).await.map_err(failed)? {
        let sql = format!("ALTER TABLE {} {} {}", change.shadow, add_temporary_key(&change.key), change.marker);
        match ddl.execute_until(&sql, &run.stop).await {
            Ok(_) => {}
            Err(error) if error.is_interrupted() && run.stop.is_cancelled() => return Err(run.interrupted()),
            Err(error) => return Err(failed(error)),
        }
    }
    ddl.close().await;
    Ok(())
}

/// Whether nothing is left to build.
pub async fn is_built(run: &Run) -> Result<bool> {
    let mut work = run.server.session_for(Role::Work, "connecting for the indexes").await?;
    let missing = missing(run, &mut work).await?;
    work.close().await;
    Ok(missing.is_empty())
}

async fn missing(run: &Run, work: &mut crate::server::Session) -> Result<Vec<String>> {
    let table = schema::inspect(work, &run.change.shadow).await;
    let table = table.map_err(|error| server_failure("reading the shadow table", &error))?;
    let gone = || Failure::new(Stop::Occupied, format!("the shadow table {} is gone", run.change.shadow));
    let there = comparable_definition(&table.ok_or_else(gone)?.create_sql);
    Ok(run.checkpoint.deferred_indexes.iter().filter(|definition| !there.contains(definition)).cloned().collect())
}

async fn prove_definition(run: &Run, work: &mut crate::server::Session) -> Result<()> {
    let made = schema::create_sql(work, &run.change.shadow).await;
    let made = made.map_err(|error| server_failure("reading the shadow table", &error))?.unwrap_or_default();
    if comparable_definition(&made) == comparable_definition(&run.checkpoint.target_definition) {
        return Ok(());
    }
    Err(Failure::new(Stop::Unexpected, "the finished shadow table is not what the clauses make of the table")
        .table("untouched; the copy is kept")
        .next(format!("`replank abort {}` drops the copy", run.change.original.argument()))
        .cause(format!("expected {}; found {made}", run.checkpoint.target_definition)))
}

fn duplicates(run: &Run, error: &crate::server::ServerError) -> Failure {
    let original = &run.change.original;
    Failure::new(Stop::Refused, format!("rows of {original} break a unique index of the new definition"))
        .table("untouched; the copy is kept")
        .next(format!("remove the duplicates, then `replank resume {}`", original.argument()))
        .next(format!("`replank abort {}` drops the copy", original.argument()))
        .cause(error)
}
