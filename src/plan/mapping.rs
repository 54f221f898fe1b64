//! Which column of the new table gets its values from which column of the original.
//!
//! Invariant: a pair exists exactly where the server's own ALTER would keep the values.
//! The target's definition is the server's answer, never a reading of the clauses; the clauses only tell which names
//! moved, because a definition cannot.

use super::clauses::{Alter, ClauseKind};
use crate::schema::{Column, Table};
use crate::sql::Ident;

/// The pairs, and what is left over on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    /// In the order of the target's columns.
    pub pairs: Vec<ColumnPair>,
    /// Columns of the target that nothing is copied into: new ones and generated ones.
    pub unsourced: Vec<Column>,
    /// Columns of the original that are copied nowhere.
    pub dropped: Vec<Column>,
}

/// A column and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPair {
    /// In the original.
    pub source: Column,
    /// In the target.
    pub target: Column,
}

impl ColumnMapping {
    /// Maps the columns of `target`, which is the original with the clauses applied by the server.
    pub fn new(alter: &Alter, original: &Table, target: &Table) -> ColumnMapping {
        let moves = NameMoves::read(alter, original);
        let mut mapping = ColumnMapping { pairs: Vec::new(), unsourced: Vec::new(), dropped: Vec::new() };
        for column in &target.columns {
            match moves.source_name(&column.name).and_then(|name| original.column(name)) {
                // The server computes it, and refuses values for it.
                Some(source) if !column.generated => {
                    mapping.pairs.push(ColumnPair { source: source.clone(), target: column.clone() });
                }
                _ => mapping.unsourced.push(column.clone()),
            }
        }
        let unmapped = |column: &&Column| mapping.target_of(&column.name).is_none();
        mapping.dropped = original.columns.iter().filter(unmapped).cloned().collect();
        mapping
    }

    /// What a column of the original becomes.
    pub fn target_of(&self, source: &Ident) -> Option<&Column> {
        self.pairs.iter().find(|pair| pair.source.name.same_name(source)).map(|pair| &pair.target)
    }

    /// Where a column of the target gets its values from.
    pub fn source_of(&self, target: &Ident) -> Option<&Column> {
        self.pairs.iter().find(|pair| pair.target.name.same_name(target)).map(|pair| &pair.source)
    }

    /// New columns for which an insert that leaves them out has no value: the server's own ALTER fills in a zero.
    pub fn added_without_default(&self) -> Vec<&Column> {
        self.unsourced
            .iter()
            .filter(|column| !(column.nullable || column.has_default || column.generated || column.is_auto_increment()))
            .collect()
    }
}

/// How names move: every clause speaks of the names the original has, so that swaps need no order.
struct NameMoves<'a> {
    renamed: Vec<(&'a Ident, &'a Ident)>,
    dropped: Vec<&'a Ident>,
}

impl<'a> NameMoves<'a> {
    fn read(alter: &'a Alter, original: &Table) -> NameMoves<'a> {
        let mut moves = NameMoves { renamed: Vec::new(), dropped: Vec::new() };
        for clause in &alter.clauses {
            match &clause.kind {
                // MariaDB's IF EXISTS: without the column the clause does nothing.
                ClauseKind::ChangeColumn { from, to } | ClauseKind::RenameColumn { from, to }
                    if original.column(from).is_some() =>
                {
                    moves.renamed.push((from, to));
                }
                ClauseKind::DropColumn { column } => moves.dropped.push(column),
                _ => {}
            }
        }
        moves
    }

    /// The name in the original of what has this name in the target, `None` for a new column.
    fn source_name<'b>(&self, target: &'b Ident) -> Option<&'b Ident>
    where
        'a: 'b,
    {
        if let Some((from, _)) = self.renamed.iter().find(|(_, to)| to.same_name(target)) {
            return Some(from);
        }
        let moved_away = self.renamed.iter().any(|(from, _)| from.same_name(target))
            || self.dropped.iter().any(|dropped| dropped.same_name(target));
        (!moved_away).then_some(target)
    }
}
