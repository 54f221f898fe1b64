//! What is there, and what the change would do to it: reads the clauses, inspects table and server, tries the clauses
//! on an empty table of the same definition, chooses the strategy, runs all checks.

use std::sync::Arc;

use crate::change::Change;
use crate::cutover::identity;
use crate::error::{Failure, Result, Stop};
use crate::event::Phase;
use crate::plan::checks::{self, Inspection};
use crate::plan::explain::{Finding, Plan, PlannedStatement, Severity};
use crate::plan::grants::Grants;
use crate::plan::strategy::{self, Strategy, Verdicts};
use crate::plan::{
    Alter, Artifacts, ChunkKey, ClauseKind, ColumnMapping, bookkeeping_schema, choose_key, read_clauses,
};
use crate::runs::{Identity, Runs};
use crate::schema::{self, Relations, Table};
use crate::server::{Flavor, Role, Server, Session, errno, server_failure};
use crate::settings::{AlterRequest, RunOptions};
use crate::shadow::{Shadow, alter_sql, clause_failure};
use crate::sql::{Ident, TableName};

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
    /// The table as the server makes it with the clauses.
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
    /// Whether the bookkeeping schema was made for the trial.
    pub made_schema: bool,
}

impl Survey {
    /// Surveys a change. Touches nothing but an empty table in the bookkeeping schema, which it drops again.
    pub async fn make(request: &AlterRequest) -> Result<Survey> {
        Survey::of(request, false).await
    }

    /// Surveys the change of an unfinished run once more.
    pub async fn again(request: &AlterRequest) -> Result<Survey> {
        Survey::of(request, true).await
    }

    async fn of(request: &AlterRequest, unfinished_run: bool) -> Result<Survey> {
        let alter = read_clauses(&request.clauses).map_err(|error| {
            Failure::refused("the clauses of `--alter` cannot be read").table("untouched").cause(error)
        })?;
        let server = Server::open(request.server.clone()).await?;
        let mut work = server.session_for(Role::Work, "connecting").await?;
        let name = stored_name(&server, &request.table);
        let table = find_table(&mut work, &name).await?;
        let (names, bookkeeping) = names(&name, &request.options)?;
        let failed = |error| server_failure("inspecting the table", &error);
        let relations = Relations::read(&mut work, &name, server.facts.flavor).await.map_err(failed)?;
        let grants = read_grants(&mut work).await?;
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
        if let Some(refusal) = checks::refuse_always(&inspection) {
            return Err(refusal);
        }
        if !unfinished_run
            && let Some(runs) = Runs::find(&server, &bookkeeping).await?
            && let Some((row, _)) = runs.running(&name).await?
        {
            return Err(unfinished(&name, &row.migration));
        }
        let made_schema = !schema::schema_exists(&mut work, &bookkeeping).await.map_err(failed)?;
        let (target, verdicts) = try_clauses(&server, &mut work, &bookkeeping, &table, &alter).await?;
        let mapping = ColumnMapping::new(&alter, &table, &target);
        let (strategy, reason) = strategy::choose(&alter, &table, &target, verdicts, request.options.force_copy);
        let mut key = None;
        if strategy == Strategy::Copy {
            if let Some(refusal) = checks::refuse_copy(&inspection, &mapping) {
                return Err(refusal);
            }
            key = Some(choose_key(&table, &mapping).map_err(|error| no_key(&name, &error))?);
        }
        let identity = identity(&mut work, &name).await.map_err(failed)?;
        work.close().await;
        Ok(Survey {
            server,
            names,
            bookkeeping,
            table,
            identity,
            alter,
            target,
            mapping,
            strategy,
            reason,
            key,
            disk_free,
            made_schema,
        })
    }

    /// The plan for people, with every statement that changes the server.
    pub fn explain(&self, request: &AlterRequest, migration: Option<String>) -> Plan {
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
        let key = self.key.as_ref().map(|key| format!("{} ({})", key.index, key.source_columns().join(", ")));
        Plan {
            table: table.name.plain(),
            migration: migration.unwrap_or_else(|| format!("{} (not recorded)", request.name)),
            strategy: self.strategy.label().to_owned(),
            reason: self.reason.clone(),
            server: self.server.facts.label(),
            rows_estimate: table.rows_estimate,
            bytes: table.data_bytes + table.index_bytes,
            key,
            disk_needed: (self.strategy == Strategy::Copy).then(|| checks::disk_needed(table)),
            findings,
            statements: self.statements(request.options.drop_old),
        }
    }

    fn statements(&self, drop_old: bool) -> Vec<PlannedStatement> {
        let mut statements = Vec::new();
        let mut add = |step: Phase, sql: String| {
            statements.push(PlannedStatement { step: step.label().to_owned(), sql });
        };
        let Some(key) = self.key.clone() else {
            add(Phase::Native, crate::native::sql(&self.table.name, &self.alter, self.strategy));
            return statements;
        };
        let change = Change::new(self.table.name.clone(), &self.bookkeeping, &self.names, key, self.mapping.clone(), 0);
        let split = crate::shadow::split_indexes(&self.target, &change.key);
        add(Phase::Prepare, format!("CREATE TABLE {} LIKE {}", change.shadow, change.original));
        add(Phase::Prepare, alter_sql(&change.shadow, &self.alter));
        for index in &split.dropped {
            add(Phase::Prepare, format!("ALTER TABLE {} DROP INDEX {index}", change.shadow));
        }
        add(Phase::Prepare, change.log.create_sql());
        change.mirror.create_sql().into_iter().for_each(|sql| add(Phase::Prepare, sql));
        for definition in &split.deferred {
            add(Phase::Index, format!("ALTER TABLE {} ADD {definition}, ALGORITHM=INPLACE", change.shadow));
        }
        if !drop_old {
            add(Phase::Cutover, change.reverse_log.create_sql());
            change.reverse.create_sql().into_iter().for_each(|sql| add(Phase::Cutover, sql));
        }
        add(Phase::Cutover, change.rename_sql());
        change.mirror.drop_sql().into_iter().for_each(|sql| add(Phase::Cleanup, sql));
        let old = match drop_old {
            true => format!("DROP TABLE {}", change.old),
            false => format!("RENAME TABLE {} TO {}", change.old, change.kept),
        };
        add(Phase::Cleanup, old);
        add(Phase::Cleanup, format!("DROP TABLE {}", change.log.table));
        statements
    }

    /// Leaves nothing behind when the change is not run.
    pub async fn forget(self) -> Result<()> {
        if self.made_schema {
            let mut session = self.server.session_for(Role::Work, "connecting").await?;
            let dropped = session.execute(&format!("DROP DATABASE IF EXISTS {}", self.bookkeeping)).await;
            dropped.map_err(|error| server_failure("dropping the schema made for the trial", &error))?;
            session.close().await;
        }
        Ok(())
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

/// The refusal for a table with an unfinished run.
pub fn unfinished(table: &TableName, migration: &str) -> Failure {
    Failure::new(Stop::Occupied, format!("{table} is being changed already: `{migration}` is unfinished"))
        .table("untouched by this command")
        .next(format!("`replank status {}` shows how far it is", table.plain()))
        .next(format!("`replank resume {}` goes on with it", table.plain()))
        .next(format!("`replank abort {}` takes it back", table.plain()))
}

async fn find_table(work: &mut Session, name: &TableName) -> Result<Table> {
    let failed = |error| server_failure("inspecting the table", &error);
    if let Some(table) = schema::inspect(work, name).await.map_err(failed)? {
        return Ok(table);
    }
    if schema::exists(work, name).await.map_err(failed)? {
        return Err(Failure::refused(format!("{name} is not a base table")).table("untouched"));
    }
    let alike: Vec<String> = work
        .rows(&format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = {} AND table_type = 'BASE TABLE' \
             ORDER BY LOWER(table_name) = LOWER({}) DESC, table_name LIMIT 5",
            crate::sql::string_literal(name.schema.as_str()),
            crate::sql::string_literal(name.table.as_str()),
        ))
        .await
        .map_err(failed)?;
    let failure = Failure::refused(format!("there is no table {name}")).table("nothing was touched");
    Err(match alike.as_slice() {
        [] => failure.next(format!("schema {} has no tables that this account can see", name.schema)),
        names => failure.next(format!("tables there: {}; names are case-sensitive on most servers", names.join(", "))),
    })
}

async fn read_grants(work: &mut Session) -> Result<Grants> {
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
fn free_bytes(server: &Server) -> Option<u64> {
    if !server.is_local() {
        return None;
    }
    let stats = rustix::fs::statvfs(server.facts.datadir.as_str()).ok()?;
    Some(stats.f_bavail * stats.f_frsize)
}

/// Applies the clauses to an empty table of the same definition, first with each algorithm asserted.
async fn try_clauses(
    server: &Arc<Server>,
    work: &mut Session,
    bookkeeping: &Ident,
    table: &Table,
    alter: &Alter,
) -> Result<(Table, Verdicts)> {
    let failed = |error| server_failure("trying the clauses on an empty table", &error);
    let mut ddl = server.session_for(Role::Ddl, "connecting").await?;
    ddl.execute(&format!("CREATE DATABASE IF NOT EXISTS {bookkeeping} CHARACTER SET utf8mb4")).await.map_err(failed)?;
    let trial = TableName { schema: bookkeeping.clone(), table: Ident::new(format!("rpk_trial_{}", ddl.id())) };
    let tried = async {
        ddl.execute(&format!("CREATE TABLE {trial} LIKE {}", table.name)).await.map_err(failed)?;
        let mut verdicts = Verdicts { instant: false, in_place: false };
        // Both servers take an algorithm and partitioning only in orders that differ; partitioning copies anyway.
        let partitioning = alter
            .clauses
            .iter()
            .any(|clause| matches!(clause.kind, ClauseKind::PartitionBy | ClauseKind::RemovePartitioning));
        let mut applied = false;
        for strategy in [Strategy::Instant, Strategy::InPlace] {
            if partitioning || applied {
                continue;
            }
            let sql = format!("ALTER TABLE {trial} {}{}", strategy.assertion(), alter.without_algorithm_and_lock());
            match ddl.execute(&sql).await {
                Ok(_) => {
                    applied = true;
                    verdicts.instant = strategy == Strategy::Instant;
                    verdicts.in_place = strategy == Strategy::InPlace;
                }
                Err(error)
                    if error.is_any(&errno::ALGORITHM_NOT_SUPPORTED) || error.is_any(&errno::UNKNOWN_ALGORITHM) => {}
                Err(error) => return Err(clause_failure(&table.name, &error)),
            }
        }
        if !applied {
            let sql = alter_sql(&trial, alter);
            ddl.execute(&sql).await.map_err(|error| clause_failure(&table.name, &error))?;
        }
        Ok((Shadow::adopt(work, &trial).await?.table, verdicts))
    };
    let outcome = tried.await;
    let dropped = ddl.execute(&format!("DROP TABLE IF EXISTS {trial}")).await;
    let outcome = outcome?;
    dropped.map_err(failed)?;
    ddl.close().await;
    Ok(outcome)
}

fn no_key(table: &TableName, error: &crate::plan::KeyError) -> Failure {
    Failure::refused(format!("{table} has no key that a copy can walk"))
        .table("untouched")
        .next("give the table a primary key or a unique key on NOT NULL columns, and keep its columns in the change")
        .cause(error)
}
