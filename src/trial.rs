//! Tries the clauses on an empty table of the same definition: what the server makes of them, and by which algorithm.
//!
//! The table lives in the bookkeeping schema. Nothing of a trial stays: a schema that had to be made for it is dropped
//! with the table. The schema is made and dropped under its lock, because another run may be about to keep its books in
//! it, and its lock is kept until the table is in it, because a schema without a table may be dropped.
//!
//! Foreign keys that the clauses add are tried, too, with empty tables in the place of their parents: what the server makes
//! of them, names and indexes included, is read from there, and no table of the application is locked for it.
//!
//! A process that is killed leaves its tables. Each trial holds a named lock of its table, so a table whose lock is free
//! is one that nobody will remove, and [`sweep`] does.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Failure, Result};
use crate::foreign_keys::ForeignKey;
use crate::plan::key_clauses::{parent_of, with_parent};
use crate::plan::strategy::{Algorithm, Verdicts};
use crate::plan::{Alter, Clause, ClauseKind, TableRef, read_clauses};
use crate::runs::{lock_schema, make_schema, unlock_schema};
use crate::schema::{self, Table};
use crate::server::{Flavor, Role, Server, ServerError, Session, errno, named_lock, server_failure};
use crate::shadow::{Shadow, alter_sql, clause_failure, index_lines, under_original_names};
use crate::sql::{Ident, TableName, string_literal};

/// What the names of trial tables begin with, before the number of their connection.
const PREFIX: &str = "rpk_trial_";
/// What they end with where the schema was made for them, so that somebody else can drop it with them.
const ALONE: &str = "_alone";
/// How long another process may be at removing a table of this trial's name, which is left from before a restart of the
/// server.
const NAME_PATIENCE: Duration = Duration::from_secs(10);

/// What came of a trial.
#[derive(Debug)]
pub struct Tried {
    /// The table with the clauses applied, without foreign keys.
    pub target: Table,
    /// What the server said to each algorithm.
    pub verdicts: Verdicts,
    /// The foreign keys that are added, as they are in the end.
    pub added: Vec<ForeignKey>,
    /// Clauses for the indexes that come and go with them.
    pub indexes: Vec<Clause>,
}

/// Tries the clauses, and `adds`, which are clauses that add foreign keys; `own` are those of the table.
pub async fn try_clauses(
    server: &Arc<Server>,
    work: &mut Session,
    bookkeeping: &Ident,
    table: &Table,
    alter: &Alter,
    adds: &[String],
) -> Result<Tried> {
    if let Err(failure) = sweep(server, bookkeeping).await {
        tracing::warn!("{failure}: {}", failure.cause.as_deref().unwrap_or_default());
    }
    let mut ddl = server.session_for(Role::Ddl, "connecting").await?;
    lock_schema(&mut ddl, bookkeeping).await?;
    let made_schema = make_schema(&mut ddl, bookkeeping).await.map_err(failed)?;
    let name = format!("{PREFIX}{}{}", ddl.id(), if made_schema { ALONE } else { "" });
    let mut trial = Trial {
        table: TableName { schema: bookkeeping.clone(), table: Ident::new(name) },
        original: table,
        alter,
        adds,
        parents: Vec::new(),
    };
    let tried = trial.run(&mut ddl, work, made_schema).await;
    let removed = async {
        ddl.execute(&format!("DROP TABLE IF EXISTS {}", trial.table)).await?;
        for (_, parent) in &trial.parents {
            ddl.execute(&format!("DROP TABLE IF EXISTS {parent}")).await?;
        }
        if made_schema {
            ddl.execute(&format!("DROP DATABASE IF EXISTS {bookkeeping}")).await?;
            unlock_schema(&mut ddl, bookkeeping).await?;
        }
        Ok(())
    };
    let removed = removed.await;
    ddl.close().await;
    // Why the clauses do not do says more than why something could not be removed.
    let tried = tried?;
    removed.map_err(failed)?;
    Ok(tried)
}

/// Removes the trial tables of processes that are gone, and a schema that was made for one.
pub async fn sweep(server: &Arc<Server>, bookkeeping: &Ident) -> Result<()> {
    let failed = |error| server_failure("removing what a killed plan left", &error);
    let mut session = server.session_for(Role::Watch, "connecting").await?;
    // A parent may come before its child.
    session.execute("SET SESSION foreign_key_checks = 0").await.map_err(failed)?;
    for table in tables(&mut session, bookkeeping).await.map_err(failed)? {
        let lock = lock_of(&table);
        if !named_lock::take(&mut session, &lock, Duration::ZERO).await.map_err(failed)? {
            continue;
        }
        session.execute(&format!("DROP TABLE IF EXISTS {table}")).await.map_err(failed)?;
        if table.table.as_str().ends_with(ALONE) {
            lock_schema(&mut session, bookkeeping).await?;
            if schema::is_empty(&mut session, bookkeeping).await.map_err(failed)? {
                session.execute(&format!("DROP DATABASE IF EXISTS {bookkeeping}")).await.map_err(failed)?;
            }
            unlock_schema(&mut session, bookkeeping).await.map_err(failed)?;
        }
        named_lock::give_back(&mut session, &lock).await.map_err(failed)?;
    }
    session.close().await;
    Ok(())
}

/// The trial tables whose processes are gone.
pub async fn left_behind(session: &mut Session, bookkeeping: &Ident) -> Result<Vec<TableName>, ServerError> {
    let mut left = Vec::new();
    for table in tables(session, bookkeeping).await? {
        let sql = format!("SELECT IS_USED_LOCK({})", string_literal(&lock_of(&table)));
        let holder: Option<Option<u64>> = session.first_row(&sql).await?;
        if holder.flatten().is_none() {
            left.push(table);
        }
    }
    Ok(left)
}

async fn tables(session: &mut Session, bookkeeping: &Ident) -> Result<Vec<TableName>, ServerError> {
    let names: Vec<String> = session.rows(&schema::tables_sql(bookkeeping)).await?;
    let trials = names.into_iter().filter(|name| is_trial(name));
    Ok(trials.map(|name| TableName { schema: bookkeeping.clone(), table: Ident::new(name) }).collect())
}

/// Whether a table is one of these; the application's own schema may be the one with the books.
pub fn is_trial(name: &str) -> bool {
    let Some(number) = name.strip_prefix(PREFIX) else { return false };
    let number = number.strip_suffix(ALONE).unwrap_or(number);
    number.split('_').all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn lock_of(table: &TableName) -> String {
    named_lock::name_for(&table.plain())
}

fn failed(error: ServerError) -> Failure {
    server_failure("trying the clauses on an empty table", &error).table("untouched")
}

struct Trial<'a> {
    table: TableName,
    original: &'a Table,
    alter: &'a Alter,
    adds: &'a [String],
    /// Parents, and the empty tables in their places.
    parents: Vec<(TableName, TableName)>,
}

impl Trial<'_> {
    async fn run(&mut self, ddl: &mut Session, work: &mut Session, made_schema: bool) -> Result<Tried> {
        self.create(ddl).await.map_err(failed)?;
        if !made_schema {
            // With a table in it, it stays, so nobody has to be kept away from it any longer.
            unlock_schema(ddl, &self.table.schema).await.map_err(failed)?;
        }
        let verdicts = self.apply(ddl).await.map_err(|error| self.clause_failure(error))?;
        let mut target = Shadow::adopt(work, &self.table).await?.table;
        let (added, indexes) = self.add_keys(ddl, work, &target.create_sql).await?;
        if work.server().facts.flavor == Flavor::MySql {
            target.create_sql = under_original_names(self.original, &target);
        }
        Ok(Tried { target, verdicts, added, indexes })
    }

    /// Adds the foreign keys and reads what they are. `before` is the definition without them.
    async fn add_keys(
        &mut self,
        ddl: &mut Session,
        work: &mut Session,
        before: &str,
    ) -> Result<(Vec<ForeignKey>, Vec<Clause>)> {
        if self.adds.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        self.create_parents(ddl, work).await.map_err(failed)?;
        let clauses: Vec<String> = self.adds.iter().map(|text| self.among_trials(text)).collect();
        let sql = format!("ALTER TABLE {} {}", self.table, clauses.join(", "));
        ddl.execute(&sql).await.map_err(|error| self.clause_failure(error))?;
        let after = schema::create_sql(work, &self.table).await.map_err(failed)?.unwrap_or_default();
        let read = ForeignKey::read(&self.table, &after);
        if read.len() != self.adds.len() {
            return Err(Failure::refused("the foreign keys that the clauses add cannot be read").table("untouched"));
        }
        let added = read.into_iter().map(|key| self.of_original(key)).collect();
        let (before, after): (Vec<_>, Vec<_>) = (index_lines(before).collect(), index_lines(&after).collect());
        let gone = before.iter().filter(|index| !after.contains(index)).map(|(name, _)| format!("DROP INDEX {name}"));
        let new = after.iter().filter(|index| !before.contains(index)).map(|(_, line)| format!("ADD {line}"));
        let clauses: Vec<String> = gone.chain(new).collect();
        let read = |text: &String| read_clauses(text).map(|alter| alter.clauses).unwrap_or_default();
        Ok((added, clauses.iter().flat_map(read).collect()))
    }

    /// Makes an empty table for each parent that there is, but for the table itself.
    async fn create_parents(&mut self, ddl: &mut Session, work: &mut Session) -> Result<(), ServerError> {
        for text in self.adds {
            let Some(parent) = parent_of(text).map(|parent| self.full_name(parent)) else { continue };
            if parent == self.original.name || self.parents.iter().any(|(known, _)| *known == parent) {
                continue;
            }
            let kinds: Vec<String> = work.rows(&schema::kind_sql(&parent)).await?;
            if kinds.first().is_none_or(|kind| kind != "BASE TABLE") {
                // The server says why it does not do.
                continue;
            }
            let name = format!("{PREFIX}{}_{}", ddl.id(), self.parents.len() + 1);
            let trial = TableName { schema: self.table.schema.clone(), table: Ident::new(name) };
            self.take_name(ddl, &trial).await?;
            ddl.execute(&format!("CREATE TABLE {trial} LIKE {parent}")).await?;
            self.parents.push((parent, trial));
        }
        Ok(())
    }

    fn full_name(&self, parent: TableRef) -> TableName {
        parent.in_schema(&self.original.name.schema)
    }

    /// The clause with the empty table in its parent's place.
    fn among_trials(&self, text: &str) -> String {
        with_parent(text, |parent| {
            let parent = self.full_name(parent.clone());
            if parent == self.original.name {
                return Some(self.table.to_string());
            }
            let trial = self.parents.iter().find(|(known, _)| *known == parent).map(|(_, trial)| trial);
            Some(trial.unwrap_or(&parent).to_string())
        })
    }

    /// A foreign key of the trial as it is on the table. The server numbers those without a name, from the greatest
    /// number that the table has, whatever else the same ALTER drops.
    fn of_original(&self, key: ForeignKey) -> ForeignKey {
        let original = &self.original.name;
        let number = |key: &ForeignKey, table: &TableName| -> Option<u32> {
            key.name.as_str().strip_prefix(table.table.as_str())?.strip_prefix("_ibfk_")?.parse().ok()
        };
        let own = ForeignKey::read(original, &self.original.create_sql);
        let greatest = own.iter().filter_map(|key| number(key, original)).max().unwrap_or(0);
        let name = match number(&key, &self.table) {
            Some(number) => Ident::new(format!("{}_ibfk_{}", original.table.as_str(), greatest + number)),
            None => key.name.clone(),
        };
        let known = self.parents.iter().find(|(_, trial)| *trial == key.parent).map(|(parent, _)| parent.clone());
        let parent = if key.parent == self.table { original.clone() } else { known.unwrap_or(key.parent.clone()) };
        ForeignKey { name, parent, ..key }
    }

    /// Makes sure that the name is this trial's.
    async fn take_name(&self, ddl: &mut Session, table: &TableName) -> Result<(), ServerError> {
        if !named_lock::take(ddl, &lock_of(table), NAME_PATIENCE).await? {
            return Err(ServerError::Driver(format!("the lock of {table} is held")));
        }
        // One of this name is left from a connection of this number, before a restart of the server.
        ddl.execute(&format!("DROP TABLE IF EXISTS {table}")).await.map(drop)
    }

    async fn create(&self, ddl: &mut Session) -> Result<(), ServerError> {
        self.take_name(ddl, &self.table).await?;
        ddl.execute(&format!("CREATE TABLE {} LIKE {}", self.table, self.original.name)).await.map(drop)
    }

    /// Applies the clauses, with each algorithm asserted as long as the server does not take it.
    async fn apply(&self, ddl: &mut Session) -> Result<Verdicts, ServerError> {
        if self.alter.clauses.is_empty() {
            return Ok(Verdicts { instant: true, in_place: true });
        }
        // Both servers take an algorithm and partitioning only in orders that differ; partitioning copies anyway.
        let partitioning = |kind: &ClauseKind| matches!(kind, ClauseKind::PartitionBy | ClauseKind::RemovePartitioning);
        let algorithms: &[Algorithm] = match self.alter.clauses.iter().any(|clause| partitioning(&clause.kind)) {
            true => &[],
            false => &[Algorithm::Instant, Algorithm::InPlace],
        };
        let clauses = self.alter.without_algorithm_and_lock();
        for &algorithm in algorithms {
            let sql = format!("ALTER TABLE {} {}{clauses}", self.table, algorithm.assertion());
            match ddl.execute(&sql).await {
                Ok(_) => {
                    let (instant, in_place) = (algorithm == Algorithm::Instant, algorithm == Algorithm::InPlace);
                    return Ok(Verdicts { instant, in_place });
                }
                Err(error)
                    if error.is_any(&errno::ALGORITHM_NOT_SUPPORTED) || error.is_any(&errno::UNKNOWN_ALGORITHM) => {}
                Err(error) => return Err(error),
            }
        }
        ddl.execute(&alter_sql(&self.table, self.alter)).await?;
        Ok(Verdicts { instant: false, in_place: false })
    }

    /// In the words of the server, with the table's own name: nobody knows the trial's.
    fn clause_failure(&self, error: ServerError) -> Failure {
        let error = match error {
            ServerError::Server { code, state, message } => {
                let mut message = message;
                for (table, trial) in
                    self.parents.iter().map(|(table, trial)| (table, trial)).chain([(&self.original.name, &self.table)])
                {
                    message = message.replace(&trial.to_string(), &table.to_string());
                    message = message.replace(trial.table.as_str(), table.table.as_str());
                }
                ServerError::Server { code, state, message }
            }
            error => error,
        };
        clause_failure(&self.original.name, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::is_trial;

    #[test]
    fn tables_of_the_application_are_none_of_a_trial() {
        assert!(is_trial("rpk_trial_12") && is_trial("rpk_trial_12_alone") && is_trial("rpk_trial_12_1"));
        for name in ["rpk_trial_", "rpk_trial__alone", "rpk_trial_run", "rpk_trial_1x", "my_rpk_trial_1"] {
            assert!(!is_trial(name), "{name}");
        }
    }
}
