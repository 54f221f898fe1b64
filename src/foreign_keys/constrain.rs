//! ADD FOREIGN KEY: metadata first, the proof after it.
//!
//! With `foreign_key_checks` off the server makes a foreign key in place without looking at a row, in a short lock
//! window; whatever is written from then on, it checks. So a row that references nothing is older than the key, and is
//! found by a walk through the child that takes no lock. If there is one, the key is taken back.
//!
//! Invariant: what is open in another transaction when the key is made is seen by the walk. The window waits for all
//! that have used the child, and on MySQL the parent. MariaDB's [does not name the parent](super::hold), so a [`fence`]
//! follows: a delete of a parent's row that began before the key is not checked by it.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::family::index_for;
use super::window::{Statements, failed, in_window};
use super::{Child, ForeignKey, drop, family, hold};
use crate::change::Change;
use crate::copy::sizer::Sizer;
use crate::copy::walker::{Walker, final_bound_query};
use crate::copy::workers::key_of_first_row;
use crate::error::{Failure, Result, Stop};
use crate::event::Events;
use crate::lock_window::Purpose;
use crate::mirror::change_log::{key_value, row_texts};
use crate::plan::{Alter, ChunkKey, ColumnMapping, Orphans, choose_key};
use crate::run::Run;
use crate::runs::{Checkpoint, RunRow, Runs};
use crate::schema::{self, Column};
use crate::server::retry::Tries;
use crate::server::{Flavor, Role, Server, ServerError, Session};
use crate::settings::RunOptions;
use crate::sql::{Ident, TableName};
use crate::tally::Tally;
use crate::throttle::Throttle;

/// How many rows without a parent are named.
pub const EXAMPLES: usize = 10;

/// The statement that makes keys.
pub fn sql(table: &TableName, keys: &[ForeignKey]) -> String {
    let adds: Vec<String> = keys.iter().map(|key| format!("ADD {}", key.definition())).collect();
    format!("ALTER TABLE {table} {}, ALGORITHM=INPLACE, LOCK=NONE", adds.join(", "))
}

/// Adds those of the keys that are not there, and proves all of them: a failure with [`Stop::Refused`] when a row
/// references nothing, and the keys are gone again then.
pub async fn add(run: &Run) -> Result<()> {
    let (table, keys) = (&run.change.original, run.checkpoint.added_keys());
    let missing = split(run, keys).await?.1;
    if !missing.is_empty() {
        let statement = format!("{} {}", sql(table, &missing), run.change.marker);
        let tables = locked(run, &missing);
        let children = hold::of_run(run);
        let made =
            in_window(run, Purpose::ForeignKeys, table, tables, Statements::Plain(vec![statement]), &children).await;
        if let Err(failure) = made
            && !split(run, keys).await?.1.is_empty()
        {
            return Err(failure);
        }
    }
    fence(run).await?;
    match prove(run, keys).await? {
        None => Ok(()),
        Some(refusal) => {
            drop::drop(run, keys).await?;
            Err(refusal)
        }
    }
}

/// Keys that the table has, and those that it has not: a statement whose answer was lost may have made or dropped them.
pub(super) async fn split(run: &Run, keys: &[ForeignKey]) -> Result<(Vec<ForeignKey>, Vec<ForeignKey>)> {
    let mut session = run.server.session_for(Role::Work, "connecting for the foreign keys").await?;
    let there = family::own(&mut session, &run.change.original).await.map_err(failed)?;
    session.close().await;
    Ok(keys.iter().cloned().partition(|key| there.iter().any(|own| own.name == key.name)))
}

/// Looks for rows in the way of keys before they are made, as far as their columns are there already. `mapping` says
/// what becomes of the columns until then.
pub async fn prove_before(run: &Run, mapping: Option<&ColumnMapping>) -> Result<()> {
    let keys: Vec<ForeignKey> =
        run.checkpoint.added_keys().iter().filter_map(|key| as_it_is(key, &run.change.original, mapping)).collect();
    match prove(run, &keys).await? {
        None => Ok(()),
        Some(refusal) => Err(refusal),
    }
}

/// The key over the columns that the table has now; `None` where values will be others.
fn as_it_is(key: &ForeignKey, table: &TableName, mapping: Option<&ColumnMapping>) -> Option<ForeignKey> {
    let Some(mapping) = mapping else { return Some(key.clone()) };
    let integers = ["tinyint", "smallint", "mediumint", "int", "bigint"];
    let source = |target: &Ident| {
        let pair = mapping.pairs.iter().find(|pair| pair.target.name.same_name(target))?;
        let (from, to) = (&pair.source, &pair.target);
        let same = from.column_type == to.column_type && from.collation == to.collation;
        let numbers = |column: &Column| integers.contains(&column.data_type.as_str());
        (same || numbers(from) && numbers(to)).then(|| from.name.clone())
    };
    let columns = key.columns.iter().map(source).collect::<Option<Vec<Ident>>>()?;
    let referenced = match key.parent == *table {
        true => key.referenced.iter().map(source).collect::<Option<Vec<Ident>>>()?,
        false => key.referenced.clone(),
    };
    Some(ForeignKey { columns, referenced, ..key.clone() })
}

/// The tables under whose lock keys are made and dropped.
pub(super) fn locked<'a>(run: &'a Run, keys: &'a [ForeignKey]) -> Vec<&'a TableName> {
    let mut tables = vec![&run.change.original];
    if run.server.facts.flavor == Flavor::MySql {
        tables.extend(parents(&run.change.original, keys));
    }
    tables
}

/// The other tables that keys reference, each once.
fn parents<'a>(table: &TableName, keys: &'a [ForeignKey]) -> Vec<&'a TableName> {
    let mut parents: Vec<&TableName> = Vec::new();
    for key in keys.iter().filter(|key| key.parent != *table) {
        if !parents.contains(&&key.parent) {
            parents.push(&key.parent);
        }
    }
    parents
}

/// Waits until no transaction is left that wrote a parent before the keys were there.
async fn fence(run: &Run) -> Result<()> {
    if run.server.facts.flavor == Flavor::MySql {
        return Ok(());
    }
    for parent in parents(&run.change.original, run.checkpoint.added_keys()) {
        let nothing = Statements::Plain(Vec::new());
        in_window(run, Purpose::ForeignKeys, parent, vec![parent], nothing, &[]).await?;
    }
    Ok(())
}

/// Walks the table and looks for rows whose parent is missing: the refusal when there are any.
async fn prove(run: &Run, keys: &[ForeignKey]) -> Result<Option<Failure>> {
    if keys.is_empty() {
        return Ok(None);
    }
    let mut session = run.server.session_for(Role::Work, "connecting for the foreign keys").await?;
    let (throttle, sampler) = Throttle::start(&run.server, &run.options, &run.events, &run.tally).await?;
    let proved = prove_in(run, &mut session, keys, &throttle).await;
    sampler.stop().await;
    session.close().await;
    proved
}

async fn prove_in(
    run: &Run,
    session: &mut Session,
    keys: &[ForeignKey],
    throttle: &Throttle,
) -> Result<Option<Failure>> {
    let table = &run.change.original;
    let Some(inspected) = schema::inspect(session, table).await.map_err(failed)? else {
        return Err(Failure::new(Stop::Occupied, format!("{table} is gone")).table("missing"));
    };
    let same = ColumnMapping::new(&Alter { clauses: Vec::new() }, &inspected, &inspected);
    // A table whose rows cannot be told apart is read in one go.
    let walked = choose_key(&inspected, &same).ok();
    for key in keys {
        let indexes = schema::indexes(session, &key.parent).await.map_err(failed)?;
        let index = index_for(&indexes, &key.referenced).map(|index| index.name.clone());
        let orphans = Orphans {
            child: table,
            columns: &key.columns,
            parent: &key.parent,
            referenced: &key.referenced,
            index: index.as_ref(),
        };
        let found = match &walked {
            Some(walked) => walk(run, session, &orphans, walked, throttle).await?,
            None => look(run, session, &orphans).await?,
        };
        if let Some(examples) = found {
            return Ok(Some(refusal(table, key, &examples, &orphans)));
        }
    }
    Ok(None)
}

/// The keys of some rows without a parent, `None` when there is no such row.
async fn walk(
    run: &Run,
    session: &mut Session,
    orphans: &Orphans<'_>,
    key: &ChunkKey,
    throttle: &Throttle,
) -> Result<Option<Vec<String>>> {
    let mut tries = Tries::of("looking for rows without a parent");
    // What is written behind the last row of now is checked by the server.
    let last = loop {
        match key_of_first_row(session, key, &final_bound_query(key, orphans.child)).await {
            Ok(last) => break last,
            Err(error) => tries.recover(session, error, &run.events).await?,
        }
    };
    let (mut walker, mut sizer) = (Walker::new(last, None), Sizer::new(run.options.chunk_time));
    let columns: Vec<String> = key.columns.iter().map(|column| column.source.as_str().to_owned()).collect();
    while !walker.is_finished() {
        check_stop(run)?;
        if !throttle.clear(&run.stop).await {
            continue;
        }
        let size = sizer.next_size();
        let Some(sql) = walker.boundary_query(key, orphans.child, size) else { break };
        let boundary = loop {
            match key_of_first_row(session, key, &sql).await {
                Ok(boundary) => break boundary,
                Err(error) => tries.recover(session, error, &run.events).await?,
            }
        };
        let Some(chunk) = walker.accept(boundary) else { break };
        let sql = orphans.within(key, chunk.after.as_ref(), &chunk.up_to, EXAMPLES);
        let sql = format!("{sql} {}", run.change.marker);
        let started = Instant::now();
        let rows: Vec<mysql_async::Row> = loop {
            match session.rows(&sql).await {
                Ok(rows) => break rows,
                Err(error) => tries.recover(session, error, &run.events).await?,
            }
        };
        sizer.observe(size, started.elapsed());
        if !rows.is_empty() {
            let value = |row| key_value(key, row_texts(row)?).map(|value| key.equal(&columns, &value));
            let examples: Result<Vec<String>, ServerError> = rows.into_iter().map(value).collect();
            return examples.map(Some).map_err(failed);
        }
    }
    Ok(None)
}

/// The same in one query, without examples.
async fn look(run: &Run, session: &mut Session, orphans: &Orphans<'_>) -> Result<Option<Vec<String>>> {
    let mut tries = Tries::of("looking for rows without a parent");
    let sql = format!("{} {}", orphans.any(), run.change.marker);
    loop {
        match session.first_row::<u64>(&sql).await {
            Ok(found) => return Ok(found.map(|_| Vec::new())),
            Err(error) => tries.recover(session, error, &run.events).await?,
        }
    }
}

fn refusal(table: &TableName, key: &ForeignKey, examples: &[String], orphans: &Orphans<'_>) -> Failure {
    let at = match examples {
        [] => String::new(),
        [only] => format!(": {only}"),
        some => format!(", such as {}", some.join("; ")),
    };
    let table_name = table.table.as_str();
    let what = format!(
        "rows of `{table_name}` reference no row of `{}` (foreign key {}){at}",
        key.parent.table.as_str(),
        key.name
    );
    Failure::refused(what).next(format!("`{}` lists them; {FIX}", orphans.list()))
}

/// What to do about rows without a parent.
pub const FIX: &str = "give those rows a parent, set their columns to NULL, or delete them";

fn check_stop(run: &Run) -> Result<()> {
    if !run.stop.is_cancelled() {
        return Ok(());
    }
    let table = run.change.original.argument();
    Err(Failure::new(Stop::Interrupted, format!("stopped while rows of {table} were looked at for a foreign key"))
        .next(format!("`replank resume {table}` goes on, and looks at all rows again")))
}

/// A run that nothing is copied for, as far as foreign keys are concerned.
pub async fn run_of(
    server: &Arc<Server>,
    runs: &Runs,
    row: &RunRow,
    checkpoint: &Checkpoint,
    options: RunOptions,
    events: Events,
    stop: CancellationToken,
) -> Result<Run> {
    let (names, bookkeeping) = crate::survey::names(&row.table, &options)?;
    let mut session = server.session_for(Role::Work, "connecting for the foreign keys").await?;
    let mut checkpoint = checkpoint.clone();
    // Their writers are kept out of the window.
    for child in family::children(&mut session, &row.table).await.map_err(failed)? {
        checkpoint.foreign_keys.children.push(Child { table: child, keys: Vec::new() });
    }
    session.close().await;
    Ok(Run {
        server: Arc::clone(server),
        change: Arc::new(Change::of_names(row.table.clone(), &bookkeeping, &names, row.id)),
        options,
        row: row.clone(),
        checkpoint,
        runs: runs.clone(),
        events,
        stop,
        tally: Arc::new(Tally::default()),
    })
}

/// Takes the keys back of a run that is aborted before they are proved.
pub async fn take_back(
    server: &Arc<Server>,
    runs: &Runs,
    row: &RunRow,
    checkpoint: &Checkpoint,
    options: &RunOptions,
    events: &Events,
) -> Result<()> {
    if checkpoint.added_keys().is_empty() {
        return Ok(());
    }
    let (options, events) = (options.clone(), events.clone());
    let run = run_of(server, runs, row, checkpoint, options, events, CancellationToken::new()).await?;
    drop::drop(&run, checkpoint.added_keys()).await
}
