//! What an account must be allowed to do with the tables that foreign keys tie to the one that is changed: found out
//! before the copy, because most of it is needed at its end.

use super::{Family, ForeignKey};
use crate::error::Failure;
use crate::plan::checks;
use crate::plan::grants::{Grants, Privilege};
use crate::server::{Facts, Flavor};
use crate::sql::{Ident, TableName};

/// What is needed on a table, or on its whole schema.
type Needed<'a> = (&'a TableName, Vec<Privilege>);

/// The refusal of an account that may not add foreign keys to these parents of a table. They are tried in the
/// bookkeeping's schema before.
pub fn refuse_adding(parents: &[TableName], bookkeeping: &Ident, facts: &Facts, grants: &Grants) -> Option<Failure> {
    let mut needed: Vec<Needed<'_>> = parents.iter().map(|parent| (parent, referenced(facts.flavor))).collect();
    let tried: Vec<TableName> =
        parents.iter().map(|parent| TableName { schema: bookkeeping.clone(), table: parent.table.clone() }).collect();
    needed.extend(tried.iter().map(|tried| (tried, vec![references(facts.flavor)])));
    lacking(needed, facts, grants)
}

/// The refusal of an account that may not copy a table with what is around it, or drop these keys of it. `held` are
/// tables whose locks MariaDB needs besides: see [`super::hold`].
pub fn refuse(
    table: &TableName,
    family: &Family,
    held: &[TableName],
    dropped: &[ForeignKey],
    facts: &Facts,
    grants: &Grants,
) -> Option<Failure> {
    use Privilege::{Alter, LockTables, Select, Trigger};
    let mut needed = Vec::new();
    if !family.children.is_empty() {
        needed.push((table, vec![references(facts.flavor)]));
    }
    if facts.flavor == Flavor::MariaDb {
        needed.extend(family.own.iter().map(|key| (&key.parent, vec![references(facts.flavor)])));
        needed.extend(held.iter().map(|child| (child, vec![Select, LockTables])));
    } else {
        needed.extend(family.own.iter().map(|key| (&key.parent, referenced(facts.flavor))));
        needed.extend(dropped.iter().map(|key| (&key.parent, vec![Select, LockTables])));
        // Windows name the parents of their tables.
        needed.extend(family.beyond.iter().map(|parent| (parent, vec![Select, LockTables])));
    }
    needed.extend(family.children.iter().map(|child| (&child.table, vec![Select, LockTables, Alter])));
    needed.extend(family.paths.iter().map(|path| (path.start(), vec![Select, LockTables, Trigger])));
    lacking(needed, facts, grants)
}

/// On the parent of a foreign key that is made.
fn referenced(flavor: Flavor) -> Vec<Privilege> {
    vec![Privilege::Select, Privilege::LockTables, references(flavor)]
}

/// MariaDB lets an account reference what it may read.
fn references(flavor: Flavor) -> Privilege {
    match flavor {
        Flavor::MySql => Privilege::References,
        Flavor::MariaDb => Privilege::Select,
    }
}

fn lacking(needed: Vec<Needed<'_>>, facts: &Facts, grants: &Grants) -> Option<Failure> {
    let mut lacking: Vec<(Ident, Vec<Privilege>)> = Vec::new();
    for (table, privileges) in needed {
        let missing = grants.missing_on_table(table, &privileges);
        let at = lacking.iter().position(|(schema, _)| *schema == table.schema).unwrap_or_else(|| {
            lacking.push((table.schema.clone(), Vec::new()));
            lacking.len() - 1
        });
        for privilege in missing {
            if !lacking[at].1.contains(&privilege) {
                lacking[at].1.push(privilege);
            }
        }
    }
    checks::refuse_lacking(&facts.current_user, grants, &lacking)
}
