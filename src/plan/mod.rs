//! What a change is and how it can be made, from text and table definitions alone.
//!
//! Invariant: the server is the parser.
//! Clauses are spliced as the text that was typed, never rendered from a reading of it, and whatever the reading does
//! not know for certain becomes [`ClauseKind::Other`].

pub mod checks;
mod clause_kind;
pub mod clause_reader;
pub mod clauses;
pub mod definition;
pub mod dependents;
pub mod explain;
pub mod grants;
pub mod key;
pub mod key_clauses;
pub mod key_value;
pub mod mapping;
pub mod names;
pub mod near;
pub mod orphans;
pub mod predict;
mod scan;
pub mod statement;
pub mod strategy;
mod table_options;

pub use clause_reader::read_clauses;
pub use clauses::{Alter, Clause, ClauseError, ClauseKind, Constraint, ConstraintKind, TableRef};
pub use key::{ChunkKey, KeyColumn, KeyError, KeyKind, Unfit, UnfitKey, choose_key, noted_key, walkable_keys};
pub use key_clauses::KeyClauses;
pub use key_value::{KeyValue, MalformedKey};
pub use mapping::{ColumnMapping, ColumnPair};
pub use names::{Artifacts, NameError, TriggerNames, aside_name, bookkeeping_schema, derived_name};
pub use orphans::Orphans;
pub use statement::{AlterTable, Frame, Statement, read_statement};
