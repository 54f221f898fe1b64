//! What runs there are, alive or not, and what they left on the server.

use std::sync::Arc;

use mysql_async::Opts;

use crate::error::{Failure, Result};
use crate::event::Phase;
use crate::foreign_keys::ForeignKeys;
use crate::kept;
use crate::plan::Artifacts;
use crate::run_status::{KeptTable, RunStatus};
use crate::runs::{Checkpoint, RUNS_TABLE, RunRow, Runs};
use crate::schema;
use crate::server::owner::Owner;
use crate::server::{Role, Server, ServerError, Session, server_failure};
use crate::sql::{Ident, TableName, string_literal};
use crate::survey::find_table;
use crate::trial;

/// Which runs to show.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only of this schema.
    pub schema: Option<Ident>,
    /// Only of this table.
    pub table: Option<TableName>,
    /// The bookkeeping schema, when it is not the default one.
    pub bookkeeping: Option<Ident>,
}

/// Lists runs that are unfinished or left something, oldest first. Changes nothing. Refuses the name of a table that
/// there is not and that no run was of.
pub async fn status(server: Opts, scope: Scope) -> Result<Vec<RunStatus>> {
    let server = Server::open(server).await?;
    let mut session = server.session_for(Role::Work, "connecting").await?;
    let mut found = Vec::new();
    let mut is_known = false;
    for bookkeeping in bookkeeping_schemas(&mut session, &scope).await? {
        for table in trial::left_behind(&mut session, &bookkeeping).await.map_err(looking)? {
            found.push(killed_plan(&table, &scope));
        }
        let Some(runs) = Runs::find(&server, &bookkeeping).await? else { continue };
        for (row, checkpoint) in runs.all().await? {
            let other_table = scope.table.as_ref().is_some_and(|table| *table != row.table);
            is_known |= !other_table;
            let other_schema = scope.schema.as_ref().is_some_and(|schema| *schema != row.table.schema);
            if other_table || other_schema || !matches!(row.state.as_str(), "running" | "done") {
                continue;
            }
            let status = describe(&server, &mut session, &bookkeeping, row, &checkpoint).await?;
            // A finished run is only worth showing for what it keeps; a later run of the table keeps it now.
            found.retain(|earlier: &RunStatus| earlier.table != status.table || earlier.kept.is_some());
            if status.state != "finished" || !status.leftovers.is_empty() || status.kept.is_some() {
                found.push(status);
            }
        }
    }
    if let Some(table) = scope.table.as_ref().filter(|_| !is_known)
        && !schema::exists(&mut session, table).await.map_err(looking)?
    {
        find_table(&mut session, table).await?;
    }
    session.close().await;
    Ok(found)
}

/// The bookkeeping schemas that a question is about.
pub async fn bookkeeping_schemas(session: &mut Session, scope: &Scope) -> Result<Vec<Ident>> {
    if let Some(bookkeeping) = &scope.bookkeeping {
        return Ok(vec![bookkeeping.clone()]);
    }
    let schema = scope.schema.as_ref().or(scope.table.as_ref().map(|table| &table.schema));
    if let Some(schema) = schema {
        return Ok(crate::plan::bookkeeping_schema(schema, None).into_iter().collect());
    }
    let sql = format!(
        "SELECT DISTINCT table_schema FROM information_schema.tables WHERE (table_name = '{RUNS_TABLE}' \
         OR table_name LIKE {}) AND table_schema LIKE {} ORDER BY table_schema",
        string_literal("rpk\\_trial\\_%"),
        string_literal("%_\\_replank")
    );
    let names: Vec<String> =
        session.rows(&sql).await.map_err(|error| server_failure("looking for bookkeeping schemas", &error))?;
    Ok(names.into_iter().filter(|name| name.ends_with("__replank")).map(Ident::new).collect())
}

/// The table that a plan was trying its clauses on when it was killed. Which table's plan that was is not known.
fn killed_plan(table: &TableName, scope: &Scope) -> RunStatus {
    let by = match &scope.table {
        Some(table) => format!("`replank cleanup {}` removes it", table.argument()),
        None => {
            "the next `replank alter`, `resume`, `abort` or `cleanup` of a table of that database removes it".into()
        }
    };
    RunStatus {
        table: table.plain(),
        migration: String::new(),
        state: "killed".to_owned(),
        phase: Phase::Plan.label().to_owned(),
        rows_done: 0,
        rows_total: 0,
        started_at: String::new(),
        updated_at: String::new(),
        owner_alive: false,
        leftovers: vec![table.plain()],
        kept: None,
        next: vec![by],
    }
}

async fn describe(
    server: &Arc<Server>,
    session: &mut Session,
    bookkeeping: &Ident,
    row: RunRow,
    checkpoint: &Checkpoint,
) -> Result<RunStatus> {
    let owner_alive = row.state == "running" && Owner::is_held(server, &row.table).await?;
    let mut leftovers = leftovers(session, bookkeeping, &row.table, &checkpoint.foreign_keys).await?;
    if row.state == "done" && (checkpoint.rolls_back.is_some() || checkpoint.keep_for == Some(0)) {
        // What the names find is another run's.
        leftovers.clear();
    }
    let kept = match row.state.as_str() {
        "done" => kept_table(session, bookkeeping, &row, checkpoint).await?,
        _ => None,
    };
    let argument = row.table.argument();
    let state = match (row.state.as_str(), owner_alive) {
        ("running", true) => "running",
        ("running", false) => "stopped",
        _ => "finished",
    };
    let resume = match &checkpoint.step {
        // Its statement is one of several.
        Some(_) => "`replank deploy`".to_owned(),
        None => format!("`replank resume {argument}`"),
    };
    let next = match state {
        "running" => Vec::new(),
        "stopped" if row.phase > Phase::Cutover => vec![resume],
        "stopped" => vec![resume, format!("`replank abort {argument}`")],
        _ => {
            let mut next = vec![format!("`replank cleanup {argument}`")];
            if let Some(logged) = kept.as_ref().and_then(|kept| kept.logged) {
                next.push(format!("`replank rollback {argument}` goes back to the old table"));
                if logged > MANY_LOGGED {
                    next.push("`replank cleanup` without a table prunes the log, and keeps the old table".to_owned());
                }
            }
            next
        }
    };
    let failed = |error| server_failure("inspecting the table", &error);
    let rows_total = match checkpoint.rolls_back {
        None => schema::inspect(session, &row.table).await.map_err(failed)?.map_or(0, |table| table.rows_estimate),
        // Nothing is copied on the way back.
        Some(_) => 0,
    };
    Ok(RunStatus {
        table: row.table.plain(),
        migration: row.migration,
        state: state.to_owned(),
        phase: row.phase.label().to_owned(),
        rows_done: checkpoint.rows_copied,
        rows_total,
        started_at: rfc3339(&row.started_at),
        updated_at: rfc3339(&row.updated_at),
        owner_alive,
        leftovers,
        kept,
        next,
    })
}

/// Keys in a reverse log from which on pruning is advised: applying as many takes some minutes.
const MANY_LOGGED: u64 = 1_000_000;

async fn kept_table(
    session: &mut Session,
    bookkeeping: &Ident,
    row: &RunRow,
    checkpoint: &Checkpoint,
) -> Result<Option<KeptTable>> {
    let Some(kept) = &checkpoint.kept else { return Ok(None) };
    let name = kept.name();
    if !schema::exists(session, &name).await.map_err(looking)? {
        return Ok(None);
    }
    let names = Artifacts::kept_in(&row.table, bookkeeping).ok().filter(|_| checkpoint.reverse_armed);
    let log = match names {
        Some(names) => {
            let log = TableName { schema: bookkeeping.clone(), table: names.reverse_log };
            kept::log_size(session, &log).await.map_err(looking)?
        }
        None => None,
    };
    Ok(Some(KeptTable {
        table: name.plain(),
        until: rfc3339(&kept.until),
        logged: log.map(|log| log.entries),
        log_bytes: log.map_or(0, |log| log.bytes),
    }))
}

/// The server gives `2026-11-23 18:45:00.123456`, in UTC.
fn rfc3339(stored: &str) -> String {
    let (seconds, _) = stored.split_once('.').unwrap_or((stored, ""));
    format!("{}Z", seconds.replace(' ', "T"))
}

async fn leftovers(
    session: &mut Session,
    bookkeeping: &Ident,
    table: &TableName,
    foreign_keys: &ForeignKeys,
) -> Result<Vec<String>> {
    let Ok(names) = Artifacts::kept_in(table, bookkeeping) else { return Ok(Vec::new()) };
    let list = |names: &[&Ident]| {
        let literals: Vec<String> = names.iter().map(|name| string_literal(name.as_str())).collect();
        literals.join(", ")
    };
    let tables = format!(
        "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables \
         WHERE (table_schema = {} AND table_name IN ({})) OR (table_schema = {} AND table_name IN ({})) ORDER BY 1",
        string_literal(table.schema.as_str()),
        list(&[&names.shadow, &names.old]),
        string_literal(bookkeeping.as_str()),
        list(&[&names.log, &names.reverse_log, &names.kept]),
    );
    let mut found: Vec<String> = session.rows(&tables).await.map_err(looking)?;
    let own = [&names.triggers, &names.reverse_triggers, &names.row_triggers].into_iter();
    let own: Vec<&Ident> = own.flat_map(|names| [&names.insert, &names.update, &names.delete]).collect();
    // Where cascades begin there are triggers on other tables, which may be in other schemas.
    let cascades = [&foreign_keys.cascades, &foreign_keys.reverse_cascades, &foreign_keys.own_reverse_cascades];
    let named = [(&table.schema, own)].into_iter().chain(cascades.into_iter().flatten().map(|on| {
        let names: Vec<&Ident> = on.triggers.iter().map(|(name, _)| name).collect();
        (&on.table.schema, names)
    }));
    let any: Vec<String> = named
        .map(|(schema, names)| {
            format!("(trigger_schema = {} AND trigger_name IN ({}))", string_literal(schema.as_str()), list(&names))
        })
        .collect();
    let triggers = format!(
        "SELECT CONCAT(trigger_schema, '.', trigger_name, IF(event_object_schema = {} AND event_object_table = {}, \
         ' (trigger)', CONCAT(' (trigger on ', event_object_schema, '.', event_object_table, ')'))) \
         FROM information_schema.triggers WHERE {} ORDER BY 1",
        string_literal(table.schema.as_str()),
        string_literal(table.table.as_str()),
        any.join(" OR "),
    );
    found.extend(session.rows::<String>(&triggers).await.map_err(looking)?);
    Ok(found)
}

fn looking(error: ServerError) -> Failure {
    server_failure("looking for leftovers", &error)
}
