//! The clauses as they were typed, sorted into what is made of the table and what is done to its foreign keys, and tried.

use std::sync::Arc;

use crate::error::Result;
use crate::foreign_keys::privileges::refuse_adding;
use crate::foreign_keys::{ForeignKey, KeyChanges};
use crate::plan::grants::Grants;
use crate::plan::key_clauses::parent_of;
use crate::plan::strategy::Verdicts;
use crate::plan::{Alter, KeyClauses};
use crate::runs::Checkpoint;
use crate::schema::Table;
use crate::server::{Server, ServerError, Session, server_failure};
use crate::shadow::clause_failure;
use crate::sql::{Ident, TableName, string_literal};
use crate::trial::{self, Tried};

/// A change as it was typed, about to be tried.
pub(super) struct Typed<'a> {
    pub server: &'a Arc<Server>,
    pub bookkeeping: &'a Ident,
    pub table: &'a Table,
    pub alter: &'a Alter,
    pub grants: &'a Grants,
}

/// What it comes to.
pub(super) struct Made {
    pub made: Alter,
    pub key_changes: Option<KeyChanges>,
    pub target: Table,
    pub verdicts: Verdicts,
}

impl Typed<'_> {
    /// Tries it. An unfinished run keeps to what it has found out.
    pub async fn make(&self, work: &mut Session, begun: Option<&Checkpoint>) -> Result<Made> {
        if let Some(checkpoint) = begun {
            let made = checkpoint.made(self.alter.clone())?;
            let tried = self.try_out(work, &made, &[]).await?;
            let key_changes = checkpoint.key_changes.clone();
            return Ok(Made { made, key_changes, target: tried.target, verdicts: tried.verdicts });
        }
        let own = ForeignKey::read(&self.table.name, &self.table.create_sql);
        let names: Vec<Ident> = own.iter().map(|key| key.name.clone()).collect();
        let KeyClauses { rest, adds, drops } = KeyClauses::of(self.alter, &names);
        if adds.is_empty() && drops.is_empty() {
            let tried = self.try_out(work, self.alter, &[]).await?;
            let made = self.alter.clone();
            return Ok(Made { made, key_changes: None, target: tried.target, verdicts: tried.verdicts });
        }
        let parents: Vec<TableName> = adds
            .iter()
            .filter_map(|text| parent_of(text))
            .map(|parent| parent.in_schema(&self.table.name.schema))
            .collect();
        if let Some(refusal) = refuse_adding(&parents, self.bookkeeping, &self.server.facts, self.grants) {
            return Err(refusal);
        }
        let mut made = rest;
        let mut tried = self.try_out(work, &made, &adds).await?;
        self.refuse_taken(work, &tried.added).await?;
        let added = std::mem::take(&mut tried.added);
        if !tried.indexes.is_empty() {
            made.clauses.append(&mut tried.indexes);
            tried = self.try_out(work, &made, &[]).await?;
        }
        let dropped = own.into_iter().filter(|key| drops.contains(&key.name)).collect();
        let key_changes = Some(KeyChanges { added, dropped, rest: made.without_algorithm_and_lock() });
        Ok(Made { made, key_changes, target: tried.target, verdicts: tried.verdicts })
    }

    async fn try_out(&self, work: &mut Session, alter: &Alter, adds: &[String]) -> Result<Tried> {
        trial::try_clauses(self.server, work, self.bookkeeping, self.table, alter, adds).await
    }

    /// Names of foreign keys are unique in a schema. One that the same ALTER drops is taken, too.
    async fn refuse_taken(&self, work: &mut Session, added: &[ForeignKey]) -> Result<()> {
        let name = &self.table.name;
        for key in added {
            let sql = format!(
                "SELECT 1 FROM information_schema.referential_constraints WHERE constraint_schema = {} \
                 AND constraint_name = {}",
                string_literal(name.schema.as_str()),
                string_literal(key.name.as_str())
            );
            let found: Option<u64> =
                work.first_row(&sql).await.map_err(|error| server_failure("inspecting the table", &error))?;
            if found.is_some() {
                let error = ServerError::duplicate_foreign_key(self.server.facts.flavor, name, &key.name);
                return Err(clause_failure(name, &error));
            }
        }
        Ok(())
    }
}

/// Why a change of foreign keys alone is made as it is.
pub(super) fn of_foreign_keys(changes: &KeyChanges) -> String {
    match changes.added.is_empty() {
        true => "only the definition changes".to_owned(),
        false => "the server takes the foreign key as metadata, and rows are looked at without a lock".to_owned(),
    }
}
