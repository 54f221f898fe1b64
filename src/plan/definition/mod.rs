//! A table's definition as text tells it: a CREATE TABLE of a migration, or the server's SHOW CREATE TABLE, and what
//! clauses make of it.
//!
//! This is for what has to be known of tables that are not there yet, or will be different when a later migration
//! comes: planning, findings, reverse statements.
//! A change itself never rests on it: there the server is the parser.
//!
//! Invariant: the text of every part is what was typed, or what the server printed.

mod apply;
mod column;
mod read;
mod write;

pub use column::{Column, integer_bytes};
pub use read::{CreatedTable, read_create_table};

use super::clauses::{ConstraintKind, TableRef};
use crate::sql::Ident;

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition {
    /// In order.
    pub columns: Vec<Column>,
    /// The primary key included, in order.
    pub indexes: Vec<Index>,
    /// In order.
    pub foreign_keys: Vec<ForeignKey>,
    /// In order, without those that are part of a column.
    pub checks: Vec<Check>,
    /// Table options: name in upper case, value as typed.
    pub options: Vec<(String, String)>,
    /// Whether it has partitions.
    pub partitioned: bool,
    /// Whether clauses were applied whose effect is not known here.
    pub uncertain: bool,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// `PRIMARY` for the primary key.
    pub name: Ident,
    /// What it is.
    pub kind: ConstraintKind,
    /// Its columns in order, expressions left out.
    pub parts: Vec<IndexPart>,
    /// Whether a part is an expression.
    pub has_expression: bool,
    /// As it follows ADD.
    pub text: String,
}

/// A column in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPart {
    /// Which.
    pub column: Ident,
    /// Length of the prefix, as typed.
    pub prefix: Option<String>,
    /// Whether it is DESC.
    pub descending: bool,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name, `None` when the server chooses one.
    pub name: Option<Ident>,
    /// The columns of this table.
    pub columns: Vec<Ident>,
    /// The parent.
    pub references: TableRef,
    /// As it follows ADD.
    pub text: String,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name, `None` when the server chooses one.
    pub name: Option<Ident>,
    /// As it follows ADD.
    pub text: String,
}

impl Definition {
    /// The column of that name.
    pub fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.same_name(name))
    }

    /// The index of that name.
    pub fn index(&self, name: &Ident) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name.same_name(name))
    }

    /// The primary key.
    pub fn primary_key(&self) -> Option<&Index> {
        self.indexes.iter().find(|index| index.kind == ConstraintKind::Primary)
    }

    /// The foreign key of that name.
    pub fn foreign_key(&self, name: &Ident) -> Option<&ForeignKey> {
        self.foreign_keys.iter().find(|key| key.name.as_ref().is_some_and(|own| own.same_name(name)))
    }

    /// The check of that name.
    pub fn check(&self, name: &Ident) -> Option<&Check> {
        self.checks.iter().find(|check| check.name.as_ref().is_some_and(|own| own.same_name(name)))
    }

    /// The value of a table option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether a key tells every row apart: a primary key, or a unique one on whole NOT NULL columns.
    pub fn has_key(&self) -> bool {
        let not_null = |name: &Ident| self.column(name).is_some_and(|column| !column.nullable);
        let tells_apart = |index: &Index| match index.kind {
            ConstraintKind::Primary => true,
            ConstraintKind::Unique => {
                !index.has_expression && index.parts.iter().all(|part| part.prefix.is_none() && not_null(&part.column))
            }
            _ => false,
        };
        // A key in the text of a column is not looked for.
        self.indexes.iter().any(tells_apart) || self.columns.iter().any(|column| column.inline_key)
    }

    /// Whether an index can be looked up by these columns, as a foreign key needs it.
    pub fn has_index_on(&self, columns: &[Ident]) -> bool {
        self.indexes.iter().any(|index| index.starts_with(columns))
    }
}

impl Index {
    /// The names of its columns.
    pub fn columns(&self) -> impl Iterator<Item = &Ident> {
        self.parts.iter().map(|part| &part.column)
    }

    /// Whether it is sorted, so that its first columns can be looked up alone.
    pub fn is_ordered(&self) -> bool {
        matches!(self.kind, ConstraintKind::Index | ConstraintKind::Unique | ConstraintKind::Primary)
    }

    /// Whether its first columns are these, each as a whole.
    pub fn starts_with(&self, columns: &[Ident]) -> bool {
        self.is_ordered()
            && !self.has_expression
            && self.parts.len() >= columns.len()
            && self
                .parts
                .iter()
                .zip(columns)
                .all(|(part, column)| part.prefix.is_none() && part.column.same_name(column))
    }
}
