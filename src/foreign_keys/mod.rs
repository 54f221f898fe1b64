//! Foreign keys of a table that is copied: its own, its children's, and the cascades that reach it.
//!
//! - **Before the swap** the shadow has no foreign key. Triggers on the tables where cascades begin ([`cascade`]) log the
//!   keys of the rows that a cascade changes, so the change log knows of every write and the mirror's invariant holds.
//! - **In the window of the swap** the shadow gets its foreign keys, under temporary names because the old table still
//!   has the real ones, and the triggers that keep the old table current ([`row_mirror`]).
//! - **After it** ([`settle`]) the children are re-pointed from the old table to the new one, the old table loses its
//!   foreign keys, the new one's get their names, and the row mirror goes.
//!
//! - **Keys that the clauses add** ([`constrain`]) are made last, of the table that has all else already, and are proved
//!   then: the server checks every write from that moment on, and replank looks at the rows that were there before. Keys
//!   that they drop go first ([`drop`]), or are not given to the shadow.
//!
//! - **On the way back** the same is done with the sides exchanged; [`way_back`] says which keys that are.
//!
//! Invariant: from the moment the new table is there it has every foreign key, and each child has one that the engine
//! checks against a table with the rows that the application sees.

pub mod cascade;
pub mod check;
pub mod constrain;
pub mod definition;
pub mod drop;
pub mod family;
pub mod hold;
pub mod privileges;
pub mod row_mirror;
pub mod settle;
pub mod way_back;
pub mod window;

use serde::{Deserialize, Serialize};

pub use cascade::TableTriggers;
pub use definition::{Action, ForeignKey};
pub use family::Family;

use crate::change::Change;
use crate::plan::names::{NameError, derived_name};
use crate::server::Flavor;
use crate::sql::{Ident, TableName};
use cascade::{Log, Path, log_triggers};

/// Another table that references the one that is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Child {
    /// Where it is.
    pub table: TableName,
    /// Its foreign keys to the table.
    pub keys: Vec<ForeignKey>,
}

/// What the clauses of a run do to foreign keys of the table, decided when it is planned and kept for a resume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyChanges {
    /// What they add, as it is in the end.
    pub added: Vec<ForeignKey>,
    /// What they drop.
    pub dropped: Vec<ForeignKey>,
    /// The clauses that are left, with the indexes that come and go with the keys; may be empty.
    pub rest: String,
}

/// What a run does about foreign keys, decided when it is prepared and kept for a resume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKeys {
    /// Those of the table as it was.
    pub original: Vec<ForeignKey>,
    /// Those that the new table has in the end.
    pub own: Vec<ForeignKey>,
    /// Tables that reference it, with their foreign keys as they are in the end.
    pub children: Vec<Child>,
    /// Columns of the original under foreign keys of either side.
    pub constrained: Vec<Ident>,
    /// Triggers that log the keys of rows changed by cascades into the change log.
    pub cascades: Vec<TableTriggers>,
    /// The same into the reverse log, from the start, because they do no harm before the swap.
    pub reverse_cascades: Vec<TableTriggers>,
    /// Those of them that are on the table itself; made on the shadow, in the window.
    pub own_reverse_cascades: Vec<TableTriggers>,
}

impl ForeignKeys {
    /// Decides it. `dropped` are keys that the clauses drop, `keep` says whether the old table is kept and followed.
    ///
    /// # Errors
    /// There is no name for a trigger.
    pub fn plan(
        family: &Family,
        change: &Change,
        dropped: &[ForeignKey],
        keep: bool,
    ) -> Result<ForeignKeys, NameError> {
        let stays = |key: &&ForeignKey| dropped.iter().all(|dropped| dropped.name != key.name);
        let own = family.own.iter().filter(stays).map(|key| {
            let to_itself = key.parent == change.original;
            let referenced = if to_itself { moved(change, &key.referenced) } else { key.referenced.clone() };
            ForeignKey { columns: moved(change, &key.columns), referenced, ..key.clone() }
        });
        let types = change.log.key_types();
        let triggers = |log: &TableName, infix: &str| cascade_triggers(&family.paths, change, log, &types, infix);
        let cascades = triggers(&change.log.table, "")?;
        let reverse = if keep { triggers(&change.reverse_log.table, REVERSE)? } else { Vec::new() };
        let (own_reverse, reverse_cascades) = reverse.into_iter().partition(|on| on.table == change.original);
        Ok(ForeignKeys {
            original: family.own.clone(),
            own: own.collect(),
            children: children_of(family, change),
            constrained: constrained(family, change),
            cascades,
            reverse_cascades,
            own_reverse_cascades: own_reverse,
        })
    }

    /// Whether the table has nothing to do with foreign keys.
    pub fn is_empty(&self) -> bool {
        self.original.is_empty() && self.own.is_empty() && self.children.is_empty()
    }

    /// Whether a column of the original is under a foreign key of either side.
    pub fn constrains(&self, column: &Ident) -> bool {
        self.constrained.iter().any(|own| own.same_name(column))
    }

    /// Whether a trigger is one of those that log cascades.
    pub fn is_own_trigger(&self, name: &str) -> bool {
        let all = self.cascades.iter().chain(&self.reverse_cascades).chain(&self.own_reverse_cascades);
        let name = Ident::new(name);
        all.flat_map(|table| &table.triggers).any(|(own, _)| own.same_name(&name))
    }

    /// Whether a child was there when the run was prepared.
    pub fn is_known_child(&self, constraint: &str, child: &TableName) -> bool {
        let key_of = |keys: &[ForeignKey]| keys.iter().any(|key| key.name.as_str() == constraint);
        self.children.iter().any(|known| known.table == *child && key_of(&known.keys)) || key_of(&self.original)
    }

    /// The other tables that the table references, each once.
    pub fn parents(&self, original: &TableName) -> Vec<&TableName> {
        let mut parents: Vec<&TableName> = Vec::new();
        for key in self.original.iter().chain(&self.own) {
            if key.parent != *original && !parents.contains(&&key.parent) {
                parents.push(&key.parent);
            }
        }
        parents
    }
}

impl ForeignKeys {
    /// The parents that a foreign key of the table is added or dropped under the lock of. MariaDB takes none on them; where
    /// the table is locked after a parent that sorts before it, see [`hold`].
    pub fn locked_parents(&self, original: &TableName, flavor: Flavor) -> Vec<&TableName> {
        match flavor {
            Flavor::MySql => self.parents(original),
            Flavor::MariaDb => Vec::new(),
        }
    }

    /// The tables of a window, and those that MySQL statements must meet first when they use two of them.
    ///
    /// A statement that has its own table and then waits for one that foreign keys or triggers lead to is a deadlock's
    /// victim in MySQL's eyes: it lets go and begins anew, and each time its prepared form counts as outdated, so that
    /// the fourth time it fails (1615). Where its own table is among those of the window, it waits for that one.
    pub fn met_first<'a>(
        &'a self,
        original: &'a TableName,
        tables: Vec<&'a TableName>,
        flavor: Flavor,
    ) -> Vec<&'a TableName> {
        let mut all = tables;
        if flavor == Flavor::MariaDb || all.len() < 2 {
            return all;
        }
        let starts = self.cascades.iter().chain(&self.reverse_cascades).map(|on| &on.table);
        for table in std::iter::once(original).chain(starts) {
            if !all.contains(&table) {
                all.push(table);
            }
        }
        all
    }
}

/// The name that a foreign key has until the old table gives up its own.
///
/// # Errors
/// No name sorts behind it.
pub fn temporary_name(key: &ForeignKey) -> Result<Ident, NameError> {
    derived_name(&key.name, "__rpk_fk")
}

/// In the names of triggers that write the reverse log.
const REVERSE: &str = "r";

/// What columns of the original are called in the shadow.
fn moved(change: &Change, columns: &[Ident]) -> Vec<Ident> {
    let target = |column: &Ident| change.mapping.target_of(column).map_or(column, |target| &target.name).clone();
    columns.iter().map(target).collect()
}

/// The children with their keys to the shadow's columns.
fn children_of(family: &Family, change: &Change) -> Vec<Child> {
    let key = |key: &ForeignKey| ForeignKey { referenced: moved(change, &key.referenced), ..key.clone() };
    let child = |child: &Child| Child { table: child.table.clone(), keys: child.keys.iter().map(key).collect() };
    family.children.iter().map(child).collect()
}

/// Columns of the original under foreign keys of either side.
fn constrained(family: &Family, change: &Change) -> Vec<Ident> {
    let to_itself = family.own.iter().filter(|key| key.parent == change.original);
    let of_children = family.children.iter().flat_map(|child| &child.keys).chain(to_itself);
    let referenced = of_children.flat_map(|key| key.referenced.clone());
    family.own.iter().flat_map(|key| key.columns.clone()).chain(referenced).collect()
}

/// The triggers that log into `log` what cascades change in the original. `types` are those of the key there.
fn cascade_triggers(
    paths: &[Path],
    change: &Change,
    log: &TableName,
    types: &[String],
    infix: &str,
) -> Result<Vec<TableTriggers>, NameError> {
    let log = Log { table: log.clone(), key: change.original_key().into_iter().zip(types.iter().cloned()).collect() };
    // Names are made before they are asked for, because rendering cannot fail half-way.
    let most = paths.len();
    let mut names = Vec::new();
    for number in 1..=most {
        for letter in ['d', 'u'] {
            names.push((number, letter, trigger_name(change, infix, number, letter)?));
        }
    }
    Ok(log_triggers(paths, &log, |_, number, letter| {
        let found = names.iter().find(|(own, event, _)| (*own, *event) == (number, letter));
        found.map(|(_, _, name)| name.clone()).expect("there are no more tables than paths")
    }))
}

fn trigger_name(change: &Change, infix: &str, number: usize, letter: char) -> Result<Ident, NameError> {
    // The trigger may be in another schema, which has a table of this name, too.
    let original = &change.original;
    let base = Ident::new(format!("{}.{}", original.schema.as_str(), original.table.as_str()));
    derived_name(&base, &format!("__rpk_{infix}c{number}{letter}"))
}
