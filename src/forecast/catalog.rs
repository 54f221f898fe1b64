//! The tables as the pending migrations find and leave them, one after the other. Pure.

use std::collections::BTreeMap;

use super::row_work::row_work;
use super::subject::Subject;
use crate::deploy::step::{Action, AsIs, Step};
use crate::findings::{RowsCase, Size, StepCase};
use crate::plan::definition::{Definition, read_create_table};
use crate::plan::{Alter, ClauseKind, Constraint, ConstraintKind, TableRef};
use crate::schema::Relations;
use crate::sql::{Ident, TableName};

/// What is known of tables.
#[derive(Debug)]
pub struct Catalog {
    schema: Ident,
    /// Whether names of tables are the same in any case.
    folds_case: bool,
    tables: BTreeMap<(String, String), Entry>,
    keys: KeyChanges,
    /// The last statement that may have changed rows of any table: nobody knows of which.
    hidden: Option<Statement>,
}

/// A statement of a pending migration.
#[derive(Debug, Clone)]
struct Statement {
    migration: String,
    number: usize,
}

impl Statement {
    /// As a statement of the given migration is told of it.
    fn told_in(&self, migration: &str) -> String {
        match self.migration == migration {
            true => format!("statement {}", self.number),
            false => format!("statement {} of the pending migration `{}`", self.number, self.migration),
        }
    }
}

/// Foreign keys that pending migrations have made and dropped so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChanges {
    /// Child, name and parent.
    pub added: Vec<(TableName, Ident, TableName)>,
    /// Child and name.
    pub dropped: Vec<(TableName, Ident)>,
}

impl KeyChanges {
    fn add(&mut self, child: TableName, name: Ident, parent: TableName) {
        self.dropped.retain(|(table, other)| !(*table == child && other.same_name(&name)));
        self.added.push((child, name, parent));
    }

    fn drop(&mut self, child: &TableName, name: &Ident) {
        self.added.retain(|(table, other, _)| !(table == child && other.same_name(name)));
        self.dropped.push((child.clone(), name.clone()));
    }

    /// What hangs on a table, once the changes are made.
    pub fn apply(&self, table: &TableName, relations: &mut Relations) {
        let is_dropped = |child: &str, name: &str| {
            self.dropped.iter().any(|(table, key)| table.plain() == child && key.as_str().eq_ignore_ascii_case(name))
        };
        relations.references.retain(|(name, _)| !is_dropped(&table.plain(), name));
        relations.referenced_by.retain(|(name, child)| !is_dropped(&child.plain(), name));
        for (child, name, parent) in &self.added {
            if child == table {
                relations.references.push((name.as_str().to_owned(), parent.plain()));
            } else if parent == table {
                relations.referenced_by.push((name.as_str().to_owned(), child.clone()));
            }
        }
    }
}

/// A table that was found on the server.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name.
    pub name: TableName,
    /// Its definition, `None` when it could not be read.
    pub definition: Option<Definition>,
    /// The server's statement that makes it.
    pub create_sql: String,
    /// Its size.
    pub size: Size,
}

#[derive(Debug, Clone, Default)]
struct Entry {
    now: Option<Definition>,
    definition: Option<Definition>,
    create_sql: Option<String>,
    size: Option<Size>,
    /// The pending migration that makes it.
    made_by: Option<String>,
    /// The pending migrations that have changed it, the last one of them.
    changed_by: Option<String>,
    /// The last statement that changes its rows.
    written_by: Option<Statement>,
}

/// What the tables of a step are, beside what rules look at.
#[derive(Debug)]
pub struct Standing<'a> {
    /// What rules look at.
    pub case: StepCase<'a>,
    /// The pending migration that makes the table.
    pub made_by: Option<String>,
    /// The last pending migration before this step that changes the table.
    pub changed_by: Option<String>,
    /// The statement that makes the table as this step finds it.
    pub create_sql: Option<String>,
    /// The foreign keys that earlier statements have made and dropped.
    pub keys: KeyChanges,
}

impl Catalog {
    /// Of the tables that are on the server; those that are not found are not there.
    pub fn new(schema: Ident, folds_case: bool, found: Vec<Found>) -> Catalog {
        let mut catalog =
            Catalog { schema, folds_case, tables: BTreeMap::new(), keys: KeyChanges::default(), hidden: None };
        for Found { name, definition, create_sql, size } in found {
            let key = catalog.key(&name);
            let entry = Entry {
                now: definition.clone(),
                definition,
                create_sql: Some(create_sql),
                size: Some(size),
                ..Entry::default()
            };
            catalog.tables.insert(key, entry);
        }
        catalog
    }

    /// The full name of a table.
    pub fn name(&self, table: &TableRef) -> TableName {
        let schema = table.schema.clone().unwrap_or_else(|| self.schema.clone());
        TableName { schema, table: table.table.clone() }
    }

    fn key(&self, name: &TableName) -> (String, String) {
        let (schema, table) = (name.schema.as_str(), name.table.as_str());
        match self.folds_case {
            true => (schema.to_lowercase(), table.to_lowercase()),
            false => (schema.to_owned(), table.to_owned()),
        }
    }

    /// Lets a step of a migration happen, and tells what it finds and leaves.
    pub fn take<'a>(&mut self, step: &'a Step<'a>, migration: &str) -> Standing<'a> {
        let subject = Subject::of(step);
        let work = row_work(step);
        let rows = work.as_ref().map(|work| RowsCase {
            verb: work.verb,
            is_bounded: work.is_bounded,
            biggest: self.biggest(&work.through),
        });
        let worked = work.as_ref().and_then(|work| self.biggest(&work.written)).map(|(name, _)| name);
        let table = match subject {
            Subject::Uses(_) | Subject::Nothing if worked.is_some() => worked,
            _ => subject.tables().first().map(|table| self.name(table)),
        };
        let found = table.as_ref().and_then(|name| self.tables.get(&self.key(name))).cloned();
        let entry = found.clone().unwrap_or_default();
        let keys = self.keys.clone();
        let written_by = entry.written_by.as_ref().or(self.hidden.as_ref()).map(|by| by.told_in(migration));
        let statement =
            || Statement { migration: migration.to_owned(), number: step.statements.first().map_or(1, |s| s.number) };
        for written in work.iter().flat_map(|work| &work.written) {
            let key = self.key(&self.name(written));
            self.tables.entry(key).and_modify(|entry| entry.written_by = Some(statement()));
        }
        if subject == Subject::Hidden {
            self.hidden = Some(statement());
        }
        let after = self.apply(&subject, step, migration, entry.clone());
        let is_new = match subject {
            Subject::Creates(..) => true,
            _ => entry.made_by.is_some(),
        };
        let made_by = if matches!(subject, Subject::Creates(..)) { Some(migration.to_owned()) } else { entry.made_by };
        Standing {
            case: StepCase {
                step,
                table,
                now: entry.now,
                before: entry.definition,
                after,
                size: entry.size,
                is_new,
                rows,
                written_by,
            },
            made_by,
            changed_by: entry.changed_by,
            create_sql: entry.create_sql,
            keys,
        }
    }

    fn apply(&mut self, subject: &Subject, step: &Step<'_>, migration: &str, entry: Entry) -> Option<Definition> {
        match subject {
            Subject::Creates(table, keeps) => {
                let key = self.key(&self.name(table));
                if *keeps && self.tables.contains_key(&key) {
                    return entry.definition;
                }
                let text = step.statements.first().map_or("", |statement| statement.text);
                let definition = read_create_table(text).and_then(|created| created.definition);
                let made_by = Some(migration.to_owned());
                self.tables.insert(
                    key,
                    Entry {
                        definition: definition.clone(),
                        create_sql: Some(step.statements.first().map_or("", |statement| statement.code()).to_owned()),
                        made_by,
                        ..Entry::default()
                    },
                );
                definition
            }
            Subject::Drops(tables) => {
                for table in tables {
                    let name = self.name(table);
                    let gone = self.tables.remove(&self.key(&name)).and_then(|entry| entry.definition);
                    for key in gone.iter().flat_map(|definition| &definition.foreign_keys) {
                        key.name.iter().for_each(|key| self.keys.drop(&name, key));
                    }
                }
                None
            }
            Subject::Renames(pairs) => {
                for (from, to) in pairs {
                    self.rename(from, to, migration);
                }
                entry.definition
            }
            Subject::Uses(table) => {
                let change = match &step.action {
                    Action::TableChange(change) | Action::RunAsIs(AsIs::Frame(change)) => change,
                    _ => return entry.definition,
                };
                let after = entry.definition.as_ref().map(|before| before.altered(&change.alter));
                self.note_keys(table, &change.alter);
                let key = self.key(&self.name(table));
                let changed_by = Some(migration.to_owned());
                self.tables.insert(key, Entry { definition: after.clone(), changed_by, create_sql: None, ..entry });
                let renamed = change.alter.clauses.iter().find_map(|clause| match &clause.kind {
                    ClauseKind::RenameTable { to } => Some(to),
                    _ => None,
                });
                if let Some(to) = renamed {
                    self.rename(table, to, migration);
                }
                after
            }
            Subject::Hidden | Subject::Nothing => None,
        }
    }

    /// The biggest of the tables that are on the server, with its size.
    fn biggest(&self, tables: &[TableRef]) -> Option<(TableName, Size)> {
        let sized = tables.iter().filter_map(|table| {
            let name = self.name(table);
            let size = self.tables.get(&self.key(&name))?.size?;
            Some((name, size))
        });
        sized.max_by_key(|(_, size)| (size.is_big, size.bytes))
    }

    fn note_keys(&mut self, table: &TableRef, alter: &Alter) {
        let child = self.name(table);
        for clause in &alter.clauses {
            match &clause.kind {
                ClauseKind::DropForeignKey { name } => self.keys.drop(&child, name),
                ClauseKind::AddConstraint(Constraint {
                    kind: ConstraintKind::ForeignKey { references },
                    name: Some(name),
                    ..
                }) => {
                    let parent = self.name(references);
                    self.keys.add(child.clone(), name.clone(), parent);
                }
                _ => {}
            }
        }
    }

    fn rename(&mut self, from: &TableRef, to: &TableRef, migration: &str) {
        if let Some(entry) = self.tables.remove(&self.key(&self.name(from))) {
            // The server does not know it by that name yet, so nothing can be asked about its rows.
            let moved = Entry { now: None, create_sql: None, changed_by: Some(migration.to_owned()), ..entry };
            self.tables.insert(self.key(&self.name(to)), moved);
        }
    }
}
