//! What is there, and what the change would do to it: reads the clauses, inspects table and server, tries the clauses
//! on an empty table of the same definition, chooses the strategy, runs all checks.

mod statements;
mod typed;

use std::sync::Arc;

use crate::error::{Failure, Result, Stop};
use crate::foreign_keys::{self, Family, KeyChanges};
use crate::plan::checks::{self, Inspection};
use crate::plan::dependents::{self, Program};
use crate::plan::explain::{Finding, Plan, Severity};
use crate::plan::grants::Grants;
use crate::plan::key_clauses::only_foreign_keys;
use crate::plan::names::{muted_trigger, staged_trigger};
use crate::plan::near::nearest;
use crate::plan::strategy::{self, Algorithm, Strategy};
use crate::plan::{
    Alter, Artifacts, ChunkKey, ColumnMapping, bookkeeping_schema, choose_key, read_clauses, walkable_keys,
};
use crate::record::Recording;
use crate::row_questions::refuse_rows;
use crate::runs::{Checkpoint, Identity, Runs};
use crate::schema::{self, Relations, Table};
use crate::server::owner::Owner;
use crate::server::{Flavor, Role, Server, ServerError, Session, server_failure};
use crate::settings::{AlterRequest, RunOptions};
use crate::shadow::{split_indexes, without_counter};
use crate::sql::{Ident, TableName};
use crate::throttle;
use crate::user_triggers::{self, UserTrigger};
use typed::{Made, Typed, of_foreign_keys};

/// A change that passed all checks, ready to run.
#[derive(Debug)]
pub struct Survey {
    /// The server.
    pub server: Arc<Server>,
    /// Names of what the run makes.
    pub names: Artifacts,
    /// Where bookkeeping goes.
    pub bookkeeping: Ident,
    /// The table as it is.
    pub table: Table,
    /// The same, to be recognized later.
    pub identity: Identity,
    /// The clauses.
    pub alter: Alter,
    /// What is made of the table itself: the clauses, or what is left of them beside the foreign keys.
    pub made: Alter,
    /// What the clauses do to foreign keys, where they do something.
    pub key_changes: Option<KeyChanges>,
    /// The table as the server makes it with the clauses, without foreign keys.
    pub target: Table,
    /// Which column goes where.
    pub mapping: ColumnMapping,
    /// How the change is made.
    pub strategy: Strategy,
    /// Why.
    pub reason: String,
    /// The key that is walked, for a copy.
    pub key: Option<ChunkKey>,
    /// Free bytes on the data disk, where it can be seen.
    pub disk_free: Option<u64>,
    /// What a user should know before the change is made.
    pub warnings: Vec<String>,
    /// The application's own triggers on the table, for a copy.
    pub triggers: Vec<UserTrigger>,
}

impl Survey {
    /// Surveys a change. Touches nothing but an empty table in the bookkeeping schema, which is gone again afterwards.
    pub async fn make(request: &AlterRequest) -> Result<Survey> {
        Survey::of(request, None).await
    }

    /// Surveys the change of an unfinished native run once more. A run that began as one does not become a copy.
    pub async fn again(request: &AlterRequest, checkpoint: &Checkpoint) -> Result<(Survey, Algorithm)> {
        let survey = Survey::of(request, Some(checkpoint)).await?;
        let algorithm = survey.strategy.algorithm().ok_or_else(|| no_longer_native(&survey.table.name, &survey.reason));
        Ok((survey, algorithm?))
    }

    async fn of(request: &AlterRequest, begun: Option<&Checkpoint>) -> Result<Survey> {
        let unfinished_run = begun.is_some();
        let alter = read_clauses(&request.clauses).map_err(|error| {
            Failure::refused("the clauses of `--alter` cannot be read")
                .table("untouched")
                .next("mend `--alter`; in a shell, single quotes around it keep backticks and quotes as they are")
                .cause(error)
        })?;
        let (server, denied) = Server::open_anyway(request.server.clone()).await?;
        let mut work = server.session_for(Role::Work, "connecting").await?;
        let name = stored_name(&server, &request.table);
        let (names, bookkeeping) = names(&name, &request.options)?;
        let grants = read_grants(&mut work).await?;
        // An account that may see nothing of a schema finds no table in it, so this comes first.
        if let Some(refusal) = checks::refuse_account(&server.facts.current_user, &grants, &name.schema, &bookkeeping) {
            return Err(refusal);
        }
        let table = find_table(&mut work, &name).await?;
        if let Some(failure) = denied {
            return Err(failure);
        }
        let failed = |error| server_failure("inspecting the table", &error);
        let relations = Relations::read(&mut work, &name, server.facts.flavor).await.map_err(failed)?;
        let disk_free = free_bytes(&server);
        let inspection = Inspection {
            facts: &server.facts,
            grants: &grants,
            table: &table,
            relations: &relations,
            alter: &alter,
            bookkeeping: &bookkeeping,
            disk_free,
            disk_reserve: request.options.disk_reserve,
        };
        // What an unfinished run has made is no leftover of a finished one, so this comes before the checks.
        if !unfinished_run
            && let Some(runs) = Runs::find(&server, &bookkeeping).await?
            && let Some((row, _)) = runs.running(&name).await?
        {
            let lives = Owner::is_held(&server, &name).await?;
            return Err(if lives { Owner::occupied(&server, &name).await } else { unfinished(&name, &row.migration) });
        }
        if let Some(refusal) = checks::refuse_always(&inspection) {
            return Err(refusal);
        }
        let kept = TableName { schema: bookkeeping.clone(), table: names.kept.clone() };
        // Foreign keys touch no column that its triggers name.
        if !unfinished_run && !only_foreign_keys(&alter) && schema::exists(&mut work, &kept).await.map_err(failed)? {
            return Err(checks::refuse_kept(&name));
        }
        throttle::check(&server, &request.options).await?;
        let typed = Typed { server: &server, bookkeeping: &bookkeeping, table: &table, alter: &alter, grants: &grants };
        let Made { made, key_changes, target, verdicts } = typed.make(&mut work, begun).await?;
        let mapping = ColumnMapping::new(&made, &table, &target);
        let (strategy, reason) = match (&key_changes, made.changes().next()) {
            (Some(changes), None) => (Strategy::InPlace, of_foreign_keys(changes)),
            _ => strategy::choose(&made, &table, &target, verdicts, request.options.force_copy),
        };
        let (mut key, mut triggers, mut unlooked) = (None, Vec::new(), Vec::new());
        let mut family = Family::default();
        if strategy == Strategy::Copy && !unfinished_run {
            if let Some(refusal) = checks::refuse_copy(&inspection, &mapping) {
                return Err(refusal);
            }
            triggers = user_triggers::read(&mut work, &name, |_| false).await.map_err(failed)?;
            let refusal = checks::refuse_triggers(&name, &triggers, &|column| target.column(column).is_some());
            if let Some(refusal) = refusal.or_else(|| checks::refuse_definers(&inspection, &triggers)) {
                return Err(refusal);
            }
            refuse_taken_names(&mut work, &name, &names, &bookkeeping, triggers.len()).await?;
            let of_name = Table { name: name.clone(), ..target.clone() };
            let refused = |walked: &ChunkKey| {
                let temporary = split_indexes(&target, walked).temporary_key;
                temporary.then(|| checks::refuse_temporary_key(&of_name, walked)).flatten()
            };
            let first = choose_key(&table, &mapping).map_err(|error| no_key(&name, &error))?;
            let mut fit = walkable_keys(&table, &mapping).0;
            // By a key that the new table has, too, a change can be rolled back.
            fit.sort_by_key(|key| !key.is_primary() && split_indexes(&target, key).temporary_key);
            let walked = match (fit.into_iter().find(|key| refused(key).is_none()), refused(&first)) {
                (None, Some(refusal)) => return Err(refusal),
                (walked, _) => walked.unwrap_or(first),
            };
            let mut around = Family::read(&mut work, &name).await.map_err(failed)?;
            // What is dropped need not fit the new definition.
            let dropped = key_changes.as_ref().map(|changes| changes.dropped.as_slice()).unwrap_or_default();
            around.own.retain(|key| dropped.iter().all(|dropped| dropped.name != key.name));
            if let Some(refusal) = foreign_keys::check::refuse(&around, &table, &of_name, &mapping, &walked, &made) {
                return Err(refusal);
            }
            key = Some(walked);
            family = around;
        }
        if !unfinished_run {
            let altered: Vec<&TableName> = match key_changes {
                _ if server.facts.flavor == Flavor::MySql => Vec::new(),
                Some(_) if strategy != Strategy::Copy => vec![&name],
                // Each child is altered when it is re-pointed.
                _ => family.children.iter().map(|child| &child.table).collect(),
            };
            let held = foreign_keys::family::children_of(&mut work, &altered).await.map_err(failed)?;
            let dropped = key_changes.as_ref().map(|changes| changes.dropped.as_slice()).unwrap_or_default();
            let refusal = foreign_keys::privileges::refuse(&name, &family, &held, dropped, &server.facts, &grants);
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
        }
        if !unfinished_run && (strategy == Strategy::Copy || key_changes.is_some()) {
            unlooked = refuse_rows(&server, &table, &target, &alter).await?;
        }
        // From the same reading as the columns: an ALTER that comes between two readings would be copied only in part.
        // The table's number is not needed before the triggers are in.
        let identity = Identity::unnumbered(without_counter(&table.create_sql));
        let mut warnings = checks::warnings(&server.facts, &grants);
        warnings.append(&mut unlooked);
        warnings.extend(broken_programs(&mut work, &table, &target).await.map_err(failed)?);
        work.close().await;
        Ok(Survey {
            server,
            names,
            bookkeeping,
            table,
            identity,
            alter,
            made,
            key_changes,
            target,
            mapping,
            strategy,
            reason,
            key,
            disk_free,
            warnings,
            triggers,
        })
    }

    /// The plan for people, with the statements that define objects and those that write the ledger.
    pub fn explain(&self, request: &AlterRequest, recording: Option<&Recording>) -> Plan {
        let table = &self.table;
        let mut findings = Vec::new();
        let mut note = |severity: Severity, text: &str| findings.push(Finding { severity, text: text.to_owned() });
        if self.alter.algorithm().is_some() || self.alter.lock().is_some() {
            note(Severity::Note, "ALGORITHM and LOCK are left out: replank chooses and asserts its own");
        }
        for column in &self.mapping.dropped {
            note(Severity::Warning, &format!("the values of column {} are lost with the old table", column.name));
        }
        if self.strategy == Strategy::Copy && self.disk_free.is_none() {
            note(Severity::Note, "free disk could not be checked: the data directory is not on this machine");
        }
        self.warnings.iter().for_each(|warning| note(Severity::Warning, warning));
        let key = self.key.as_ref().map(|key| format!("{} ({})", key.index, key.source_columns().join(", ")));
        Plan {
            table: table.name.plain(),
            migration: match recording {
                Some(recording) => recording.name.clone(),
                None => format!("{} (not recorded)", request.name),
            },
            strategy: self.strategy.label().to_owned(),
            reason: self.reason.clone(),
            server: self.server.facts.label(),
            rows_estimate: table.rows_estimate,
            bytes: table.data_bytes + table.index_bytes,
            key,
            disk_needed: (self.strategy == Strategy::Copy).then(|| checks::disk_needed(table)),
            findings,
            statements: self.statements(request.options.drop_old, recording),
        }
    }
}

/// The table's name as the server stores it.
pub fn stored_name(server: &Server, table: &TableName) -> TableName {
    if server.facts.lower_case_table_names == 0 {
        return table.clone();
    }
    TableName::new(table.schema.as_str().to_lowercase(), table.table.as_str().to_lowercase())
}

/// Names of everything a run makes for a table.
pub fn names(table: &TableName, options: &RunOptions) -> Result<(Artifacts, Ident)> {
    let unfit =
        |error| Failure::refused("no names can be made for what the change needs").table("untouched").cause(error);
    let bookkeeping = bookkeeping_schema(&table.schema, options.bookkeeping.as_deref()).map_err(|error| {
        Failure::refused("the bookkeeping schema's name does not do")
            .table("untouched")
            .next("name another with `--bookkeeping-schema`")
            .cause(error)
    })?;
    let names = Artifacts::kept_in(table, &bookkeeping).map_err(unfit)?;
    Ok((names, bookkeeping))
}

/// Refuses while something has the name of a table that the run would make. From the moment on that the run is recorded,
/// what is found under these names is its own, and a resume or an abort drops it.
async fn refuse_taken_names(
    work: &mut Session,
    table: &TableName,
    names: &Artifacts,
    bookkeeping: &Ident,
    own_triggers: usize,
) -> Result<()> {
    let beside = |name: &Ident| TableName { schema: table.schema.clone(), table: name.clone() };
    let away = |name: &Ident| TableName { schema: bookkeeping.clone(), table: name.clone() };
    for taken in [beside(&names.shadow), away(&names.log), away(&names.reverse_log)] {
        if schema::exists(work, &taken).await.map_err(|error| server_failure("inspecting the table", &error))? {
            return Err(Failure::new(Stop::Occupied, format!("{taken} is there, and no run of replank has made it"))
                .table("untouched")
                .next(format!("`replank cleanup {}` removes what finished runs have left", table.argument()))
                .next("whatever stays then is somebody else's: rename or drop it, a copy needs its name"));
        }
    }
    let triggers = [&names.triggers, &names.reverse_triggers, &names.row_triggers];
    let doubles: Vec<Ident> =
        (0..own_triggers).flat_map(|index| [staged_trigger(table, index), muted_trigger(table, index)]).collect();
    let all = triggers.into_iter().flat_map(|of| [&of.insert, &of.update, &of.delete]).chain(&doubles);
    let taken: Option<(String, String)> = work
        .first_row(&schema::relations::triggers_named_sql(&table.schema, all))
        .await
        .map_err(|error| server_failure("inspecting the table", &error))?;
    let Some((trigger, on)) = taken else { return Ok(()) };
    let other = TableName::new(table.schema.as_str(), on);
    Err(Failure::new(
        Stop::Occupied,
        format!("{other} has a trigger {}, a name that the change of {table} needs", Ident::new(trigger)),
    )
    .table("untouched")
    .next(format!(
        "`replank cleanup {}` drops it when a change of that table has made it and is over",
        other.argument()
    ))
    .cause("the names of triggers in a schema do not tell upper case from lower case"))
}

/// The refusal for a table with an unfinished run.
pub fn unfinished(table: &TableName, migration: &str) -> Failure {
    Failure::new(Stop::Occupied, format!("{table} is being changed already: `{migration}` is unfinished"))
        .table("untouched by this command")
        .next(format!("`replank status {}` shows how far it is", table.argument()))
        .next(format!("`replank resume {}` goes on with it", table.argument()))
        .next(format!("`replank abort {}` takes it back", table.argument()))
}

/// What the columns that go take with them.
async fn broken_programs(work: &mut Session, table: &Table, target: &Table) -> Result<Option<String>, ServerError> {
    let columns = table.columns.iter().map(|column| &column.name);
    let lost: Vec<Ident> = columns.filter(|column| target.column(column).is_none()).cloned().collect();
    if lost.is_empty() {
        return Ok(None);
    }
    let rows: Vec<(String, String, Option<String>, Option<String>)> = work.rows(&dependents::sql(&table.name)).await?;
    let readable = rows.into_iter().filter_map(|(kind, name, text, on)| Some(Program { kind, name, text: text?, on }));
    Ok(dependents::naming(&readable.collect::<Vec<_>>(), &table.name.table, &lost))
}

/// The table, or the refusal with the names that may be meant.
pub async fn find_table(work: &mut Session, name: &TableName) -> Result<Table> {
    let failed = |error| server_failure("inspecting the table", &error);
    if let Some(table) = schema::inspect(work, name).await.map_err(failed)? {
        return Ok(table);
    }
    let kinds: Vec<String> = work.rows(&schema::kind_sql(name)).await.map_err(failed)?;
    if kinds.iter().any(|kind| kind == "SYSTEM VERSIONED") {
        return Err(Failure::refused(format!(
            "{name} is a system-versioned table, and a copy cannot keep its history"
        ))
        .table("untouched")
        .next("make the change with the server's own ALTER, with `SET system_versioning_alter_history = KEEP`"));
    }
    if let Some(kind) = kinds.first() {
        return Err(Failure::refused(format!("{name} is a {}, not a table", kind.to_lowercase()))
            .table("untouched")
            .next("name the table itself"));
    }
    if !schema::schema_exists(work, &name.schema).await.map_err(failed)? {
        let schemas: Vec<String> = work.rows("SHOW DATABASES").await.map_err(failed)?;
        return Err(Failure::refused(format!("there is no database {}", name.schema))
            .table("nothing was touched")
            .next(meant(name.schema.as_str(), &schemas).unwrap_or_else(|| "check its name".to_owned())));
    }
    let tables: Vec<String> = work.rows(&schema::tables_sql(&name.schema)).await.map_err(failed)?;
    let meant = meant(name.table.as_str(), &tables);
    let failure = Failure::refused(format!("there is no table {name}")).table("nothing was touched");
    Err(match (meant, tables.as_slice()) {
        (Some(meant), _) => failure.next(meant),
        (None, []) => failure.next(format!("the database {} has no tables; check its name", name.schema)),
        (None, some) => failure.next(format!("tables there: {}", some[..some.len().min(5)].join(", "))),
    })
}

/// A question for somebody who typed a name that there is not.
fn meant(typed: &str, names: &[String]) -> Option<String> {
    let near: Vec<String> = nearest(typed, names).into_iter().map(|name| format!("`{name}`")).collect();
    (!near.is_empty()).then(|| format!("did you mean {}? The case of letters counts", near.join(" or ")))
}

/// What the account may do.
pub async fn read_grants(work: &mut Session) -> Result<Grants> {
    let failed = |error| server_failure("reading the account's privileges", &error);
    let lines: Vec<String> = work.rows("SHOW GRANTS").await.map_err(failed)?;
    let grants = Grants::parse(lines);
    if work.server().facts.flavor == Flavor::MariaDb {
        return Ok(grants);
    }
    let partial: Option<(String, String)> =
        work.first_row("SHOW GLOBAL VARIABLES LIKE 'partial_revokes'").await.map_err(failed)?;
    Ok(if partial.is_some_and(|(_, value)| value == "ON") { grants.with_literal_schemas() } else { grants })
}

/// Free bytes where the server keeps its data, when that is a directory of this machine.
pub fn free_bytes(server: &Server) -> Option<u64> {
    if !server.is_local() {
        return None;
    }
    let stats = rustix::fs::statvfs(server.facts.datadir.as_str()).ok()?;
    Some(stats.f_bavail * stats.f_frsize)
}

fn no_longer_native(table: &TableName, why: &str) -> Failure {
    Failure::new(Stop::Occupied, format!("the server cannot make the change of {table} by itself any more"))
        .table("untouched")
        .next(format!("`replank abort {}`, then run the change again: it is then an online copy", table.argument()))
        .cause(why)
}

fn no_key(table: &TableName, error: &crate::plan::KeyError) -> Failure {
    Failure::refused(format!("{table} has no key that a copy can walk"))
        .table("untouched")
        .next("give the table a primary key or a unique key on NOT NULL columns, and keep its columns in the change")
        .cause(error)
}
