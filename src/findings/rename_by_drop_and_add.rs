//! A rename that Prisma wrote as DROP COLUMN and ADD COLUMN, or as DROP TABLE and CREATE TABLE.

use super::case::Case;
use super::{Hit, Level, Rule};
use crate::plan::ClauseKind;
use crate::plan::definition::{Column, Definition};
use crate::sql::Ident;

pub(super) const RULE: Rule = Rule {
    name: "rename_by_drop_and_add",
    about: "Prisma writes a rename as DROP and ADD of a column, or DROP and CREATE of a table, which loses the values",
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
    to: Column,
    table: Ident,
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
            let (from, to) = (from.name.clone(), to.clone());
            let table = change.change.table.table.clone();
            renames.push(LikelyRename { step: change.index, from, to, table });
        }
    }
    renames
}

fn check(case: &Case<'_>) -> Vec<Hit> {
    let columns = likely_renames(case).into_iter().map(|rename| column_hit(&rename));
    columns.chain(table_hits(case)).collect()
}

fn column_hit(rename: &LikelyRename) -> Hit {
    let (from, to, table) = (&rename.from, &rename.to.name, &rename.table);
    if from.same_name(to) {
        let text = format!("{from} of {table} is dropped and made again: its values are lost");
        return Hit::told(rename.step, text);
    }
    let text = format!(
        "{from} of {table} is dropped and {to} of the same type is added: if that is a rename, its values are lost"
    );
    let data_type = rename.to.type_label().to_uppercase();
    Hit::told(rename.step, text).with_fix(format!(
        "in three migrations: (1) \"ALTER TABLE {table} ADD COLUMN {to} {data_type} NULL\", and the application writes \
         both; (2) \"UPDATE {table} SET {to} = {from} WHERE {to} IS NULL\", in batches if the table is big, and the \
         application reads {to} only; (3) \"ALTER TABLE {table} DROP COLUMN {from}\", once nothing writes it. Where a \
         short mismatch with the application is acceptable, \"ALTER TABLE {table} RENAME COLUMN {from} TO {to}\" keeps \
         the values"
    ))
}

/// A table that goes and one with the same columns that comes.
fn table_hits(case: &Case<'_>) -> Vec<Hit> {
    let mut created: Vec<_> = case.creations().collect();
    let mut hits = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let words = step.words(2);
        let drops = words.iter().map(String::as_str).eq(["DROP", "TABLE"]) && !step.is_new;
        let (true, Some(from), Some(before)) = (drops, &step.table, &step.before) else { continue };
        let Some(at) = created.iter().position(|(_, _, after)| same_columns(before, after)) else { continue };
        let (from, to) = (&from.table, &created.remove(at).1.table);
        if from == to {
            hits.push(Hit::told(index, format!("{from} is dropped and made again: its rows are lost")));
            continue;
        }
        let columns: Vec<String> = before.columns.iter().map(|column| column.name.to_string()).collect();
        let columns = columns.join(", ");
        let text =
            format!("{from} is dropped and {to} with the same columns is made: if that is a rename, its rows are lost");
        hits.push(Hit::told(index, text).with_fix(format!(
            "in three migrations: (1) \"CREATE TABLE {to}\", and the application writes both; (2) \"INSERT IGNORE INTO \
             {to} ({columns}) SELECT {columns} FROM {from}\", in batches if the table is big, and the application reads \
             {to} only; (3) \"DROP TABLE {from}\", once nothing writes it. Where a short mismatch with the application \
             is acceptable, \"RENAME TABLE {from} TO {to}\" keeps the rows"
        )));
    }
    hits
}

fn same_columns(before: &Definition, after: &Definition) -> bool {
    let same = |from: &Column| after.column(&from.name).is_some_and(|to| to.same_type(from));
    before.columns.len() == after.columns.len() && before.columns.iter().all(same)
}
