//! Which runs made a migration, and what becomes of its row in Prisma's ledger once they are taken back.

use std::sync::Arc;

use jiff::Timestamp;

use crate::deploy::step::steps;
use crate::error::{Failure, Result, Stop};
use crate::prisma::{Ledger, LedgerRow, MigrationsDirectory, checksum};
use crate::runs::{Checkpoint, RunRow, Runs, State};
use crate::server::{Role, Server, ServerError, errno, server_failure};
use crate::sql::TableName;
use crate::sql::script::split;

use super::way_back::nothing_kept;

type Run = (RunRow, Checkpoint);

/// The run whose old table a table has to go back to.
pub(super) async fn of_table(runs: &Runs, table: &TableName) -> Result<Run> {
    let newest = runs.done(Some(table)).await?.into_iter().rfind(|(_, checkpoint)| checkpoint.rolls_back.is_none());
    newest.ok_or_else(|| nothing_kept(table))
}

/// The runs that made a migration and are not taken back yet, newest first.
pub(super) async fn of_migration(runs: &Runs, name: &str) -> Result<Vec<Run>> {
    let all = runs.all().await?;
    let is_of_it = |(row, checkpoint): &&Run| row.migration == name && checkpoint.rolls_back.is_none();
    let Some(newest) = all.iter().rev().find(is_of_it) else { return Err(unknown(name)) };
    if newest.0.state == State::Running.as_str() {
        return Err(crate::survey::unfinished(&newest.0.table, name));
    }
    // A migration may have been deployed again after a rollback; then that is the one.
    let id = ledger_id(&newest.0, &newest.1);
    let done = all
        .iter()
        .rev()
        .filter(is_of_it)
        .filter(|(row, checkpoint)| row.state == State::Done.as_str() && ledger_id(row, checkpoint) == id);
    let done: Vec<Run> = done.cloned().collect();
    if done.is_empty() { Err(unknown(name)) } else { Ok(done) }
}

/// The row of the ledger that a run belongs to: its own, or that of the deploy whose step it was.
pub(super) fn ledger_id(row: &RunRow, checkpoint: &Checkpoint) -> Option<String> {
    let of_step = || Some(checkpoint.step.as_ref()?.split('/').next()?.to_owned());
    row.ledger_id.clone().or_else(of_step)
}

/// Refuses where a deploy has done more for the migration than these runs have: nothing is kept of that.
pub(super) async fn refuse_other_statements(
    server: &Arc<Server>,
    runs: &Runs,
    taken_back: &[Run],
    directory: &MigrationsDirectory,
) -> Result<()> {
    let Some((row, checkpoint)) = taken_back.iter().find(|(_, checkpoint)| checkpoint.step.is_some()) else {
        return Ok(());
    };
    let name = &row.migration;
    let Some(id) = ledger_id(row, checkpoint) else { return Ok(()) };
    let recorded = ledger_row(server, &row.table, &id).await?;
    let script = directory
        .script(name)?
        .filter(|script| recorded.as_ref().is_none_or(|recorded| recorded.checksum == checksum(script)));
    let Some(script) = script else {
        return Err(Failure::refused(format!("what else the migration `{name}` has done is not known"))
            .table("untouched")
            .next("pass `--migrations` with the directory that has the script as it was deployed")
            .cause(format!("{} is missing or was edited since", directory.script_path(name).display())));
    };
    let all = runs.all().await?;
    let is_run = |number: usize| {
        let step = format!("{id}/{number}");
        all.iter().any(|(_, checkpoint)| checkpoint.step.as_deref() == Some(&step))
    };
    let script = split(&script);
    let steps = steps(&script);
    let numbers = steps.iter().filter_map(|step| step.statements.first()).map(|first| first.number);
    let others: Vec<String> = numbers.filter(|number| !is_run(*number)).map(|number| number.to_string()).collect();
    let tables: Vec<&TableName> = taken_back.iter().map(|(row, _)| &row.table).collect();
    let of_this =
        all.iter().filter(|(row, checkpoint)| ledger_id(row, checkpoint).as_ref() == Some(&id) && row.state == "done");
    let besides: Vec<String> = of_this
        .filter(|(row, checkpoint)| checkpoint.rolls_back.is_none() && !tables.contains(&&row.table))
        .map(|(row, _)| row.table.plain())
        .collect();
    let why = if !others.is_empty() {
        format!(
            "statements {} of it were not made by a copy, so nothing is kept of what they changed",
            others.join(", ")
        )
    } else if !besides.is_empty() {
        format!("it also changed {}; `replank rollback {name}` takes all of it back", besides.join(", "))
    } else {
        return Ok(());
    };
    Err(Failure::refused(format!("the migration `{name}` cannot be rolled back in this way"))
        .table("untouched")
        .next(format!(
            "write a migration that takes it back: {} has its statements, where `replank plan --rollback --write` saved \
             them before the deploy",
            directory.rollback_path(name).display()
        ))
        .cause(why))
}

/// Marks the migration as rolled back once nothing of it is left; gives its name if that is so.
pub(super) async fn conclude(
    server: &Arc<Server>,
    runs: &Runs,
    forward: &RunRow,
    checkpoint: &Checkpoint,
) -> Result<bool> {
    runs.end(forward, State::RolledBack).await?;
    let Some(id) = ledger_id(forward, checkpoint) else { return Ok(false) };
    let left = runs.done(None).await?;
    if left.iter().any(|(row, checkpoint)| ledger_id(row, checkpoint).as_ref() == Some(&id)) {
        return Ok(false);
    }
    let Some(row) = ledger_row(server, &forward.table, &id).await? else { return Ok(false) };
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    let ledger = Ledger::of(forward.table.schema.clone());
    if row.rolled_back_at.is_none() {
        ledger.record_rolled_back(&mut session, &id, Timestamp::now()).await.map_err(failed)?;
    }
    session.close().await;
    Ok(true)
}

async fn ledger_row(server: &Arc<Server>, table: &TableName, id: &str) -> Result<Option<LedgerRow>> {
    let mut session = server.session_for(Role::Work, "connecting for the ledger").await?;
    let row = match Ledger::of(table.schema.clone()).row(&mut session, id).await {
        Err(error) if error.code() == Some(errno::NO_SUCH_TABLE) => None,
        row => row.map_err(failed)?,
    };
    session.close().await;
    Ok(row)
}

pub(super) fn unknown(name: &str) -> Failure {
    Failure::new(Stop::Refused, format!("nothing is kept of a migration `{name}`, so there is nothing to go back to"))
        .table("untouched")
        .next("`replank status` shows what is kept; a table is named `database.table`")
}

fn failed(error: ServerError) -> Failure {
    server_failure("writing to `_prisma_migrations`", &error)
}
