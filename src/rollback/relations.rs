//! Whether the foreign keys around a table let it go back.

use crate::change::Change;
use crate::error::{Failure, Result, Stop};
use crate::foreign_keys::check::{fits, refuse};
use crate::foreign_keys::family::{self, Family, index_for};
use crate::foreign_keys::way_back::{KeysBack, NoKeysBack};
use crate::plan::Alter;
use crate::runs::Checkpoint;
use crate::schema::{self, Table};
use crate::server::Session;
use crate::sql::TableName;

use super::failed;

/// What is around the new table, and what its way back does about it. `old` is the kept table.
pub(super) async fn plan(
    session: &mut Session,
    change: &Change,
    forward: &Checkpoint,
    old: &Table,
    new: &Table,
) -> Result<KeysBack> {
    let table = &change.original;
    let family = Family::read(session, table).await.map_err(failed)?;
    refuse_ties(session, table, old).await?;
    let planned = KeysBack::plan(&family, change, &forward.foreign_keys, forward.key_changes.as_ref());
    let back = planned.map_err(|why| no_keys(table, why))?;
    // Those that go do not have to fit.
    let mut staying = family.clone();
    staying.own.retain(|key| back.keys.own.iter().any(|own| own.name == key.name));
    // The triggers that follow cascades read an index that the change has left; the new table may have a shorter one.
    for edge in staying.paths.iter_mut().flat_map(|path| &mut path.edges).filter(|edge| edge.child == *table) {
        if let Some(index) = index_for(&old.indexes, &edge.key.columns) {
            edge.index = index.name.clone();
        }
    }
    let nothing = Alter { clauses: Vec::new() };
    if let Some(refusal) = refuse(&staying, new, old, &change.mapping, &change.key, &nothing) {
        let what = format!("{table} cannot be rolled back: {}", refusal.what);
        return Err(Failure { what, ..refusal });
    }
    refuse_unlike_parents(session, table, &back, old).await?;
    Ok(back)
}

/// Nobody but replank has a reason to tie a kept table to others.
async fn refuse_ties(session: &mut Session, table: &TableName, old: &Table) -> Result<()> {
    let own = family::own(session, &old.name).await.map_err(failed)?.into_iter().next();
    let child = family::children(session, &old.name).await.map_err(failed)?.into_iter().next();
    let other = own.map(|key| key.parent).or(child);
    match other {
        None => Ok(()),
        Some(other) => Err(Failure::refused(format!(
            "{table} cannot be rolled back: a foreign key ties the kept {} to {other}",
            old.name
        ))
        .table("untouched; writes go on being logged")
        .next("drop that foreign key, then run the command again")),
    }
}

/// Keys that the change dropped are made anew, so their parents must still be there and of the same types.
async fn refuse_unlike_parents(session: &mut Session, table: &TableName, back: &KeysBack, old: &Table) -> Result<()> {
    for key in &back.added {
        let refused = |why: String| {
            let what = format!("{table} cannot be rolled back: it had the foreign key {}, and {why}", key.name);
            Failure::refused(what)
                .table("untouched; writes go on being logged")
                .next(format!("make {} what it was, then run the command again", key.parent))
        };
        let columns = match key.parent == *table {
            true => old.columns.clone(),
            false => schema::columns(session, &key.parent).await.map_err(failed)?,
        };
        for (own, referenced) in key.columns.iter().zip(&key.referenced) {
            let parent = columns.iter().find(|column| column.name.same_name(referenced));
            let parent = parent.ok_or_else(|| refused(format!("{}.{referenced} is gone", key.parent)))?;
            if old.column(own).is_some_and(|own| !fits(own, parent)) {
                return Err(refused(format!("{}.{referenced} has another type since", key.parent)));
            }
        }
    }
    Ok(())
}

fn no_keys(table: &TableName, why: NoKeysBack) -> Failure {
    match why {
        NoKeysBack::Altered(key) => Failure::new(
            Stop::Occupied,
            format!("{table} was altered by somebody else since the change: the foreign key `{key}` came or went"),
        )
        .table("untouched; writes go on being logged")
        .next("take that change back by the same means, then run the command again"),
        NoKeysBack::NotFollowed(parent) => Failure::refused(format!(
            "{table} cannot be rolled back: foreign keys behind {parent} came or went with the change or since, so not \
             every cascade was logged"
        ))
        .table("untouched")
        .next("take the change back by a migration of its own"),
        NoKeysBack::Unnamed(error) => Failure::refused("no names can be made for the way back").cause(error),
    }
}
