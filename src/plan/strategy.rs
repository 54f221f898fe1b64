//! How a change is made: by the server at once, by the server in place without touching rows, or by an online copy.
//!
//! The server itself proves the choice: each algorithm is asserted on an empty table of the same definition.

use super::clauses::{Alter, ClauseKind};
use crate::schema::{Column, Table};

/// The way a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// `ALGORITHM=INSTANT`.
    Instant,
    /// `ALGORITHM=INPLACE, LOCK=NONE`, where it changes metadata only.
    InPlace,
    /// Copied by replank.
    Copy,
}

/// How the server makes a change that it makes at once: always asserted, so that it refuses rather than blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `ALGORITHM=INSTANT`.
    Instant,
    /// `ALGORITHM=INPLACE, LOCK=NONE`.
    InPlace,
}

/// What an empty table of the same definition said to each algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdicts {
    /// Took `ALGORITHM=INSTANT`.
    pub instant: bool,
    /// Took `ALGORITHM=INPLACE, LOCK=NONE`.
    pub in_place: bool,
}

impl Strategy {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Strategy::Instant => "instant",
            Strategy::InPlace => "in place",
            Strategy::Copy => "online copy",
        }
    }

    /// How the server makes it; `None` for a copy.
    pub fn algorithm(self) -> Option<Algorithm> {
        match self {
            Strategy::Instant => Some(Algorithm::Instant),
            Strategy::InPlace => Some(Algorithm::InPlace),
            Strategy::Copy => None,
        }
    }
}

impl Algorithm {
    /// What goes before the clauses; behind them it would not do with partitioning.
    pub fn assertion(self) -> &'static str {
        match self {
            Algorithm::Instant => "ALGORITHM=INSTANT, ",
            Algorithm::InPlace => "ALGORITHM=INPLACE, LOCK=NONE, ",
        }
    }
}

/// Chooses, and says why.
pub fn choose(alter: &Alter, original: &Table, target: &Table, verdicts: Verdicts, force: bool) -> (Strategy, String) {
    if force {
        return (Strategy::Copy, "`--force-copy` was given".to_owned());
    }
    if verdicts.instant {
        return (
            Strategy::Instant,
            "the server takes it with ALGORITHM=INSTANT: only the definition changes".to_owned(),
        );
    }
    if !verdicts.in_place {
        return (Strategy::Copy, "the server could only rebuild the table while it blocks writes".to_owned());
    }
    match alter.changes().find(|clause| !metadata_only(&clause.kind, original, target)) {
        None => (Strategy::InPlace, "the server takes it with ALGORITHM=INPLACE and touches no row".to_owned()),
        Some(clause) => (
            Strategy::Copy,
            format!(
                "the server would work through the whole table in one go for `{}`, and so would each replica",
                clause.text
            ),
        ),
    }
}

/// Whether an in-place change of this kind leaves rows and indexes alone.
fn metadata_only(kind: &ClauseKind, original: &Table, target: &Table) -> bool {
    match kind {
        ClauseKind::RenameIndex { .. }
        | ClauseKind::AlterIndex { .. }
        | ClauseKind::DropIndex { .. }
        | ClauseKind::AlterColumn { .. }
        | ClauseKind::RenameColumn { .. } => true,
        ClauseKind::ModifyColumn { column } => original
            .column(column)
            .zip(target.column(column))
            .is_some_and(|(from, to)| only_longer(from, to, original, target)),
        ClauseKind::ChangeColumn { from, to } => original
            .column(from)
            .zip(target.column(to))
            .is_some_and(|(from, to)| only_longer(from, to, original, target)),
        ClauseKind::TableOption { name, .. } => matches!(name.as_str(), "COMMENT" | "STATS_PERSISTENT"),
        _ => false,
    }
}

/// A VARCHAR that only gets longer, at the same place, keeps its rows when its length prefix keeps its size; the server
/// refuses INPLACE otherwise. Anything else that it takes in place may be a rebuild.
fn only_longer(from: &Column, to: &Column, original: &Table, target: &Table) -> bool {
    let place = |table: &Table, column: &Column| table.columns.iter().position(|other| other.name == column.name);
    let same_type = from.column_type == to.column_type;
    let longer = from.data_type == "varchar" && to.data_type == "varchar";
    (same_type || longer)
        && from.nullable == to.nullable
        && from.charset == to.charset
        && from.collation == to.collation
        && from.generated == to.generated
        && from.is_auto_increment() == to.is_auto_increment()
        && place(original, from) == place(target, to)
}
