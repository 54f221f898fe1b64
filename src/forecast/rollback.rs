//! The statements that take a migration back, where there are any. Pure.
//!
//! What a change of a table did is read from the table before and after it, not from its clauses: so an index that went
//! with its column comes back, too.

use std::fmt::Write as _;

use super::catalog::Standing;
use super::subject::Subject;
use crate::deploy::defines::{Kind, defines};
use crate::deploy::step::{Action, AsIs, Step};
use crate::plan::definition::{Column, Definition, Index};
use crate::plan::{Alter, ClauseKind, ConstraintKind, TableRef};
use crate::sql::Ident;

use serde::Serialize;

/// What takes a migration back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rollback {
    /// The migration's name.
    pub migration: String,
    /// What the migration sets for its session, which definitions may depend on.
    pub settings: Vec<String>,
    /// In the order in which they are to be run: what was done last is taken back first.
    pub parts: Vec<Part>,
}

/// What takes one step back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Numbers of the step's statements in migration.sql.
    pub statements: Vec<usize>,
    /// Statements without their semicolons; none where nothing can be done or nothing is to be done.
    pub sql: Vec<String>,
    /// What does not come back with them.
    pub lost: Vec<String>,
}

impl Rollback {
    /// What takes back these steps of a migration.
    pub fn of(migration: &str, standings: &[Standing<'_>]) -> Rollback {
        let statements = standings.iter().flat_map(|standing| &standing.case.step.statements);
        // SET STATEMENT … FOR runs a statement, which must not run again.
        let is_setting = |code: &&str| {
            let mut words = code.split_whitespace();
            let mut next_is = |expected: &str| words.next().is_some_and(|word| word.eq_ignore_ascii_case(expected));
            next_is("SET") && !next_is("STATEMENT")
        };
        let settings = statements.map(|statement| statement.code()).filter(is_setting).map(str::to_owned).collect();
        let parts = standings.iter().rev().map(Part::of).collect();
        Rollback { migration: migration.to_owned(), settings, parts }
    }

    /// Whether all of it comes back, rows included.
    pub fn is_complete(&self) -> bool {
        self.parts.iter().all(|part| part.lost.is_empty())
    }

    /// The text of rollback.sql.
    pub fn script(&self) -> String {
        let mut text = format!("-- Takes back `{}`. Read it before it is run.\n", self.migration);
        if !self.settings.is_empty() {
            text.push_str("\n-- The session as the migration has it\n");
        }
        for setting in &self.settings {
            let _ = writeln!(text, "{setting};");
        }
        for part in &self.parts {
            let numbers: Vec<String> = part.statements.iter().map(usize::to_string).collect();
            let noun = if numbers.len() == 1 { "statement" } else { "statements" };
            let _ = write!(text, "\n-- Of {noun} {}", numbers.join(", "));
            if part.sql.is_empty() && part.lost.is_empty() {
                text.push_str(": nothing to take back");
            }
            text.push('\n');
            for lost in &part.lost {
                let _ = writeln!(text, "-- NOT UNDONE: {}", lost.replace('\n', " "));
            }
            for sql in &part.sql {
                let _ = writeln!(text, "{sql};");
            }
        }
        text
    }
}

impl Part {
    fn of(standing: &Standing<'_>) -> Part {
        let step = standing.case.step;
        let mut part = Part {
            statements: step.statements.iter().map(|statement| statement.number).collect(),
            sql: Vec::new(),
            lost: Vec::new(),
        };
        match (&step.action, Subject::of(step)) {
            (Action::TableChange(change), _) | (Action::RunAsIs(AsIs::Frame(change)), _) => {
                match (&standing.case.before, &standing.case.after) {
                    (Some(before), Some(after)) => part.change(&change.table, &change.alter, before, after),
                    _ => part.lost.push(format!("the definition of {} before the change is not known", change.table)),
                }
            }
            (_, Subject::Renames(pairs)) => {
                let back = |(from, to): &(TableRef, TableRef)| format!("{to} TO {from}");
                let pairs: Vec<String> = pairs.iter().rev().map(back).collect();
                part.sql.push(format!("RENAME TABLE {}", pairs.join(", ")));
            }
            (_, Subject::Creates(table, keeps)) => {
                part.sql.push(format!("DROP TABLE {table}"));
                part.lost.push(format!("what was written to {table} since"));
                if keeps {
                    part.sql.clear();
                    part.lost = vec![format!("whether {table} was there before IF NOT EXISTS is not known")];
                }
            }
            (_, Subject::Drops(tables)) => part.dropped(&tables, standing),
            _ => part.other(step),
        }
        part
    }

    fn dropped(&mut self, tables: &[TableRef], standing: &Standing<'_>) {
        let rendered = || standing.case.before.as_ref().and_then(|before| before.create_sql(tables.first()?));
        match (standing.create_sql.clone().or_else(rendered), tables) {
            (Some(create), [_]) => self.sql.push(create),
            _ => self.lost.push("the definitions of the dropped tables are not known".to_owned()),
        }
        let names: Vec<String> = tables.iter().map(TableRef::to_string).collect();
        self.lost.push(format!("the rows of {}", names.join(", ")));
    }

    fn other(&mut self, step: &Step<'_>) {
        let Some(statement) = step.statements.first().filter(|statement| !statement.text.is_empty()) else { return };
        let words: Vec<String> = statement.code().split_whitespace().take(3).map(str::to_ascii_uppercase).collect();
        let replaces = words.get(1).is_some_and(|word| word == "OR");
        match defines(statement.text) {
            Some(made) if words[0] == "CREATE" && !replaces && !made.drops => {
                let drop = |(kind, name): &(Kind, TableRef)| format!("DROP {} {name}", kind.word());
                self.sql.extend(made.objects.iter().map(drop));
            }
            Some(_) => self.lost.push("the definition before the statement is not known".to_owned()),
            None if words[0] == "SET" && words.get(1).is_some_and(|word| word == "STATEMENT") => {
                self.lost.push("what the statement behind SET STATEMENT did".to_owned());
            }
            None if matches!(words[0].as_str(), "SELECT" | "SET" | "USE" | "ANALYZE") => {}
            None if matches!(words[0].as_str(), "CREATE" | "ALTER" | "DROP") => {
                self.lost.push(format!(
                    "what {} did, whose effect is not known here",
                    words[..2.min(words.len())].join(" ")
                ));
            }
            None => self.lost.push(format!("what {} did", words[0])),
        }
    }

    fn change(&mut self, table: &TableRef, alter: &Alter, before: &Definition, after: &Definition) {
        let mut back = Back { alter, before, after, clauses: Vec::new(), lost: Vec::new() };
        back.foreign_keys_and_checks();
        back.dropped_indexes();
        back.columns();
        back.added_indexes();
        back.options();
        if after.uncertain && !before.uncertain {
            back.lost.push("a part of the change whose effect is not known here".to_owned());
        }
        let renamed = alter.clauses.iter().find_map(|clause| match &clause.kind {
            ClauseKind::RenameTable { to } => Some(to),
            _ => None,
        });
        if let Some(to) = renamed {
            self.sql.push(format!("RENAME TABLE {to} TO {table}"));
        }
        if !back.clauses.is_empty() {
            self.sql.push(format!("ALTER TABLE {table} {}", back.clauses.join(",\n    ")));
        }
        self.lost.append(&mut back.lost);
    }
}

/// The clauses that make the table what it was.
struct Back<'a> {
    alter: &'a Alter,
    before: &'a Definition,
    after: &'a Definition,
    clauses: Vec<String>,
    lost: Vec<String>,
}

impl Back<'_> {
    fn foreign_keys_and_checks(&mut self) {
        for key in &self.after.foreign_keys {
            let Some(name) = &key.name else {
                self.lost.push("a foreign key without a name, which the server has named".to_owned());
                continue;
            };
            if self.before.foreign_key(name).is_some() {
                continue;
            }
            self.clauses.push(format!("DROP FOREIGN KEY {name}"));
            // The server has made an index under the key's name.
            if !self.after.has_index_on(&key.columns) {
                self.clauses.push(format!("DROP INDEX {name}"));
            }
        }
        for check in &self.after.checks {
            match &check.name {
                Some(name) if self.before.check(name).is_none() => {
                    self.clauses.push(format!("DROP CONSTRAINT {name}"));
                }
                None if !self.before.checks.contains(check) => {
                    self.lost.push("a CHECK without a name, which the server has named".to_owned());
                }
                _ => {}
            }
        }
    }

    fn dropped_indexes(&mut self) {
        for index in &self.after.indexes {
            if self.renamed_index(&index.name).is_some() {
                continue;
            }
            if self.before.index(&index.name).is_none_or(|before| !self.same_index(before, index)) {
                self.clauses.push(match index.kind {
                    ConstraintKind::Primary => "DROP PRIMARY KEY".to_owned(),
                    _ => format!("DROP INDEX {}", index.name),
                });
            }
        }
        for clause in &self.alter.clauses {
            match &clause.kind {
                ClauseKind::RenameIndex { from, to } => self.clauses.push(format!("RENAME INDEX {to} TO {from}")),
                ClauseKind::AlterIndex { name } => {
                    let text = clause.text.to_ascii_uppercase();
                    let back = match () {
                        () if text.ends_with("NOT IGNORED") => "IGNORED",
                        () if text.ends_with("IGNORED") => "NOT IGNORED",
                        () if text.ends_with("INVISIBLE") => "VISIBLE",
                        () => "INVISIBLE",
                    };
                    self.clauses.push(format!("ALTER INDEX {name} {back}"));
                }
                _ => {}
            }
        }
    }

    fn columns(&mut self) {
        for column in &self.after.columns {
            if self.source_of(&column.name).is_none() {
                self.clauses.push(format!("DROP COLUMN {}", column.name));
                self.lost.push(format!("what was written to the new column {} since", column.name));
            }
        }
        let order = |columns: Vec<Ident>| columns.iter().map(|name| name.as_str().to_lowercase()).collect::<Vec<_>>();
        let kept_before: Vec<Ident> = self
            .before
            .columns
            .iter()
            .filter(|column| self.target_of(&column.name).is_some())
            .map(|column| column.name.clone())
            .collect();
        let kept_after: Vec<Ident> =
            self.after.columns.iter().filter_map(|column| self.source_of(&column.name)).collect();
        let moved = order(kept_before) != order(kept_after);
        for (at, column) in self.before.columns.iter().enumerate() {
            let place = match at.checked_sub(1) {
                None => " FIRST".to_owned(),
                Some(previous) => format!(" AFTER {}", self.before.columns[previous].name),
            };
            let definition = self.before.inheriting(column);
            match self.target_of(&column.name).cloned() {
                None => {
                    let is_last = at + 1 == self.before.columns.len();
                    let place = if is_last { String::new() } else { place };
                    self.clauses.push(format!("ADD COLUMN {} {definition}{place}", column.name));
                    self.lost.push(format!("the values of the dropped column {}", column.name));
                }
                Some(now) => {
                    let place = if moved { place } else { String::new() };
                    if let Some(cut) = cuts(column, &now) {
                        self.lost.push(format!("what {cut} may have cut off the values of {}", now.name));
                    }
                    let same = now.text == column.text && place.is_empty();
                    if now.name.as_str() != column.name.as_str() {
                        self.clauses.push(format!("CHANGE COLUMN {} {} {definition}{place}", now.name, column.name));
                    } else if !same {
                        self.clauses.push(format!("MODIFY COLUMN {} {definition}{place}", column.name));
                    }
                }
            }
        }
    }

    fn added_indexes(&mut self) {
        for index in &self.before.indexes {
            let renamed = self.alter.clauses.iter().any(|clause| match &clause.kind {
                ClauseKind::RenameIndex { from, .. } => from.same_name(&index.name),
                _ => false,
            });
            if !renamed && self.after.index(&index.name).is_none_or(|after| !self.same_index(index, after)) {
                self.clauses.push(format!("ADD {}", index.text));
            }
        }
        for key in &self.before.foreign_keys {
            if key.name.as_ref().is_some_and(|name| self.after.foreign_key(name).is_none()) {
                self.clauses.push(format!("ADD {}", key.text));
            }
        }
        for check in &self.before.checks {
            if check.name.as_ref().is_some_and(|name| self.after.check(name).is_none()) {
                self.clauses.push(format!("ADD {}", check.text));
            }
        }
    }

    fn options(&mut self) {
        for (name, value) in &self.after.options {
            match self.before.option(name) {
                Some(before) if before == value => {}
                Some(before) => self.clauses.push(format!("{name}={before}")),
                None if name == "COMMENT" => self.clauses.push("COMMENT=''".to_owned()),
                None if name == "ROW_FORMAT" || name.starts_with("STATS_") => {
                    self.clauses.push(format!("{name}=DEFAULT"))
                }
                None => self.lost.push(format!("the option {name}, which was not set before")),
            }
        }
    }

    /// The name before of a column after.
    fn source_of(&self, after: &Ident) -> Option<Ident> {
        let mut added = false;
        for clause in &self.alter.clauses {
            match &clause.kind {
                ClauseKind::ChangeColumn { from, to } | ClauseKind::RenameColumn { from, to }
                    if to.same_name(after) =>
                {
                    return Some(from.clone());
                }
                ClauseKind::AddColumn { columns, .. } => added |= columns.iter().any(|column| column.same_name(after)),
                _ => {}
            }
        }
        if added { None } else { self.before.column(after).map(|column| column.name.clone()) }
    }

    /// What a column before has become.
    fn target_of(&self, before: &Ident) -> Option<&Column> {
        self.after.columns.iter().find(|column| self.source_of(&column.name).is_some_and(|name| name.same_name(before)))
    }

    /// Whether nobody has to touch the index: a renamed column is followed by the server.
    fn same_index(&self, before: &Index, after: &Index) -> bool {
        let same_column = |before: &Ident, after: &Ident| {
            self.source_of(after).map_or(after.same_name(before), |source| source.same_name(before))
        };
        before.kind == after.kind
            && before.parts.len() == after.parts.len()
            && before.has_expression == after.has_expression
            && (!before.has_expression || expression(before) == expression(after))
            && before.parts.iter().zip(&after.parts).all(|(before, after)| {
                same_column(&before.column, &after.column)
                    && before.prefix == after.prefix
                    && before.descending == after.descending
            })
    }

    fn renamed_index(&self, after: &Ident) -> Option<&Ident> {
        self.alter.clauses.iter().find_map(|clause| match &clause.kind {
            ClauseKind::RenameIndex { from, to } if to.same_name(after) => Some(from),
            _ => None,
        })
    }
}

/// The new type, where it may have rounded or shortened values without an error, or refused none because it is not
/// strict.
fn cuts(before: &Column, after: &Column) -> Option<String> {
    let fits = crate::findings::always_fits(before, after);
    (!fits).then(|| after.type_label())
}

/// The text of an expression's parts, without what is different when nothing is.
fn expression(index: &Index) -> String {
    let behind_name = index.text.find('(').map_or("", |at| &index.text[at..]);
    behind_name.chars().filter(|ch| !ch.is_whitespace() && *ch != '`').collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests;
