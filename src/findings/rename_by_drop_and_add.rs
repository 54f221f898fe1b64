//! A rename that Prisma wrote as DROP COLUMN and ADD COLUMN.

use super::case::Case;
use super::{Hit, Level, Rule};
use crate::plan::ClauseKind;
use crate::plan::definition::Column;
use crate::sql::Ident;

pub(super) const RULE: Rule = Rule {
    name: "rename_by_drop_and_add",
    about: "Prisma writes a rename as DROP COLUMN and ADD COLUMN, which loses the values",
    fix: "in three migrations: add the new column and let the application write both; copy the values; drop the old \
          column once nothing reads it. Where a short mismatch with the application is acceptable, RENAME COLUMN keeps \
          the values",
    level: Level::Warn,
    check,
};

/// A column that goes and one like it that comes, in one statement.
pub(super) struct LikelyRename {
    pub(super) step: usize,
    pub(super) from: Ident,
    to: Ident,
    table: String,
}

pub(super) fn likely_renames(case: &Case<'_>) -> Vec<LikelyRename> {
    let mut renames = Vec::new();
    for change in case.changes() {
        let dropped = change.change.alter.clauses.iter().filter_map(|clause| match &clause.kind {
            ClauseKind::DropColumn { column } => change.before.column(column),
            _ => None,
        });
        let mut added = change.added_columns();
        for from in dropped {
            // The same type, or the same name: Prisma recreates a column whose type it cannot cast.
            let like = |to: &&Column| to.name.same_name(&from.name) || to.same_type(from);
            let Some(at) = added.iter().position(like) else { continue };
            let to = added.remove(at);
            let (from, to) = (from.name.clone(), to.name.clone());
            renames.push(LikelyRename { step: change.index, from, to, table: change.name() });
        }
    }
    renames
}

fn check(case: &Case<'_>) -> Vec<Hit> {
    let tell = |rename: LikelyRename| {
        let (from, to) = (rename.from.as_str(), rename.to.as_str());
        let text = match rename.from.same_name(&rename.to) {
            true => format!("`{from}` of {} is dropped and made again: its values are lost", rename.table),
            false => format!(
                "`{from}` of {} is dropped and `{to}` of the same type is added: if that is a rename, its values are lost",
                rename.table
            ),
        };
        Hit::told(rename.step, text)
    };
    likely_renames(case).into_iter().map(tell).collect()
}
