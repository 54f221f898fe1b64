//! What must hold before a table is touched: one rule a file.
//!
//! Each rule looks at what was inspected and gives a refusal with its own text and fix, or nothing. They run in the
//! order of the list, so that a change that breaks several always reports the same one first.

mod added_columns;
mod binary_log;
mod clauses;
mod constraints;
mod disk;
mod engine;
mod galera;
mod leftovers;
mod lock_holders;
mod lock_order;
mod privileges;
mod read_only;
mod trigger_creation;
mod triggers;
mod walked_key;

use super::ChunkKey;
use super::clauses::Alter;
use super::grants::{Grants, Privilege};
use super::mapping::ColumnMapping;
use crate::error::Failure;
use crate::schema::{Relations, Table};
use crate::server::Facts;
use crate::sql::{Ident, TableName};
use crate::user_triggers::UserTrigger;
pub use leftovers::followed_by;

/// What rules look at.
#[derive(Debug)]
pub struct Inspection<'a> {
    /// The server.
    pub facts: &'a Facts,
    /// What the account may do.
    pub grants: &'a Grants,
    /// The table.
    pub table: &'a Table,
    /// What hangs on it.
    pub relations: &'a Relations,
    /// The clauses.
    pub alter: &'a Alter,
    /// Where the bookkeeping goes.
    pub bookkeeping: &'a Ident,
    /// Free bytes on the data disk, where it can be seen.
    pub disk_free: Option<u64>,
    /// Bytes that must stay free.
    pub disk_reserve: u64,
}

/// Rules that hold for every change.
const ALWAYS: [fn(&Inspection) -> Option<Failure>; 3] = [read_only::check, clauses::check_always, leftovers::check];

/// Rules that hold for an online copy.
const COPY: [fn(&Inspection) -> Option<Failure>; 8] = [
    engine::check,
    galera::check,
    clauses::check_copy,
    constraints::check,
    binary_log::check,
    lock_order::check,
    trigger_creation::check,
    disk::check,
];

/// Those of them that do not depend on the account.
const OF_TABLE: [fn(&Inspection) -> Option<Failure>; 7] = [
    engine::check,
    galera::check,
    clauses::check_copy,
    constraints::check,
    binary_log::check,
    lock_order::check,
    disk::check,
];

/// The refusal of an account that may not do what a change of a table in `schema` takes.
pub fn refuse_account(current_user: &str, grants: &Grants, schema: &Ident, bookkeeping: &Ident) -> Option<Failure> {
    privileges::check(current_user, grants, schema, bookkeeping)
}

/// The refusal of an account that lacks privileges on these schemas, `None` where it lacks none.
pub fn refuse_lacking(current_user: &str, grants: &Grants, lacking: &[(Ident, Vec<Privilege>)]) -> Option<Failure> {
    privileges::lacking(current_user, grants, lacking)
}

/// What does not stop a change and is better changed before it.
pub fn warnings(facts: &Facts, grants: &Grants) -> Vec<String> {
    lock_holders::warning(facts, grants).into_iter().collect()
}

/// The refusal of a table whose old table is kept, with or without triggers that follow the new one.
pub fn refuse_kept(table: &TableName) -> Failure {
    leftovers::failure(table)
}

/// The first refusal that any change would meet.
pub fn refuse_always(inspection: &Inspection) -> Option<Failure> {
    ALWAYS.iter().find_map(|check| check(inspection))
}

/// The first refusal that an online copy would meet.
pub fn refuse_copy(inspection: &Inspection, mapping: &ColumnMapping) -> Option<Failure> {
    COPY.iter().find_map(|check| check(inspection)).or_else(|| added_columns::check(inspection, mapping))
}

/// The first trigger of the application that a copy could not give to the new table. `has_column` is asked of the new
/// definition.
pub fn refuse_triggers(
    table: &TableName,
    triggers: &[UserTrigger],
    has_column: &dyn Fn(&Ident) -> bool,
) -> Option<Failure> {
    triggers::check(table, triggers, has_column)
}

/// The refusal of an account that may not make the triggers again.
pub fn refuse_definers(inspection: &Inspection, triggers: &[UserTrigger]) -> Option<Failure> {
    triggers::check_definers(inspection, triggers)
}

/// The refusal of a copy that could not have its temporary index, or not give it up.
pub fn refuse_temporary_key(target: &Table, key: &ChunkKey) -> Option<Failure> {
    walked_key::check(target, key)
}

/// The first refusal that an online copy would meet whoever makes it: a plan is often made by an account that may only
/// read.
pub fn refuse_copy_of_table(inspection: &Inspection) -> Option<Failure> {
    OF_TABLE.iter().find_map(|check| check(inspection))
}

/// Bytes that a copy needs: the whole table again, indexes included, and a tenth for the change log and fragmentation.
pub fn disk_needed(table: &Table) -> u64 {
    let bytes = table.data_bytes + table.index_bytes;
    bytes + bytes / 10
}
