//! What the way back of a finished change is: which table is kept, what goes where, and what is lost.

use crate::change::{Change, Direction, marker};
use crate::cutover::identity;
use crate::error::{Failure, Result, Stop};
use crate::foreign_keys::KeyChanges;
use crate::foreign_keys::way_back::KeysBack;
use crate::kept;
use crate::mirror::Aside;
use crate::plan::checks;
use crate::plan::{Artifacts, ChunkKey, ColumnMapping, aside_name, noted_key, read_clauses, walkable_keys};
use crate::runs::{Checkpoint, Identity, RunRow};
use crate::schema::{self, Column, Table};
use crate::server::{ServerError, Session, server_failure};
use crate::shadow::{comparable_definition, split_indexes};
use crate::sql::{Ident, TableName};
use crate::user_triggers::{self, UserTrigger};

use super::fillers::filler;
use super::relations;

/// A way back that can be gone.
#[derive(Debug)]
pub(super) struct WayBack {
    /// What goes where.
    pub change: Change,
    /// The index of the old table that keeps the walked key unique.
    pub shadow_index: Ident,
    /// The new table as it is now.
    pub now: Identity,
    /// What gets lost, which somebody has to agree to.
    pub losses: Vec<String>,
    /// What should be known besides.
    pub notes: Vec<String>,
    /// Rows of the table, about.
    pub rows_estimate: u64,
    /// The application's own triggers on the new table.
    pub triggers: Vec<UserTrigger>,
    /// What is done about foreign keys.
    pub keys: KeysBack,
}

impl WayBack {
    /// Looks at what a finished run keeps. `earlier` are runs that are taken back before it.
    pub async fn find(
        session: &mut Session,
        bookkeeping: &Ident,
        forward: &RunRow,
        checkpoint: &Checkpoint,
        earlier: &[&Checkpoint],
    ) -> Result<WayBack> {
        let table = &forward.table;
        let kept = kept::of_run(session, bookkeeping, forward, checkpoint).await?;
        let (Some(kept), true) = (kept, checkpoint.reverse_armed) else { return Err(nothing_kept(table)) };
        let new = inspect(session, table).await?.ok_or_else(|| gone(table))?;
        let old = inspect(session, &kept).await?.ok_or_else(|| nothing_kept(table))?;
        refuse_other_definitions(table, &new, &old, checkpoint)?;
        let mapping = forward_mapping(forward, &old, &new)?;
        let (change, shadow_index) = reversed(table, bookkeeping, (forward, checkpoint), &mapping, &old, &new, 0)?;
        let keys = relations::plan(session, &change, checkpoint, &old, &new).await?;
        let triggers = triggers_of(session, &change, &keys, earlier, &old).await?;
        refuse_gap(session, &change).await?;
        let now = identity(session, table).await.map_err(failed)?;
        let (losses, notes) = consequences(&change, &old);
        Ok(WayBack { change, shadow_index, now, losses, notes, rows_estimate: new.rows_estimate, triggers, keys })
    }

    /// The foreign keys that are made after the swap, for its bookkeeping.
    pub fn key_changes(&self) -> Option<KeyChanges> {
        let added = self.keys.added.clone();
        (!added.is_empty()).then(|| KeyChanges { added, ..KeyChanges::default() })
    }

    /// The same for the run that goes it.
    pub fn numbered(mut self, bookkeeping: &Ident, run: u64) -> Result<WayBack> {
        let table = &self.change.original;
        let names = Artifacts::of_the_way_back(table, bookkeeping, run)
            .map_err(|error| Failure::refused("no names can be made for the way back").cause(error))?;
        self.change.marker = marker(table, run);
        self.change.kept = TableName { schema: bookkeeping.clone(), table: names.kept };
        Ok(self)
    }
}

/// The change that a way back is, from the tables as they are wherever it stands.
pub(super) fn reversed(
    table: &TableName,
    bookkeeping: &Ident,
    (forward, checkpoint): (&RunRow, &Checkpoint),
    mapping: &ColumnMapping,
    old: &Table,
    new: &Table,
    run: u64,
) -> Result<(Change, Ident)> {
    let unnamed = |error| Failure::refused("no names can be made for the way back").table("untouched").cause(error);
    let names = Artifacts::of_the_way_back(table, bookkeeping, run).map_err(unnamed)?;
    let back = mapping.reversed(old);
    let walked = noted_key(checkpoint.walked_key.as_deref(), old, mapping);
    let walked = walked.map_err(|error| no_key(table, &error.to_string()))?;
    let key = reversed_key(table, &walked, &back, new)?;
    let split = split_indexes(old, &key);
    if split.temporary_key {
        return Err(no_key(table, "the old table has no unique index on it"));
    }
    let mut change = Change::new(table.clone(), bookkeeping, &names, key, back, run);
    change.direction = Direction::Back;
    let own = |column: &&Column| !column.generated;
    let columns: Vec<Column> = change.mapping.unsourced.iter().filter(own).cloned().collect();
    if !columns.is_empty() {
        let mut fillers = Vec::new();
        for column in columns.iter().filter(|column| !column.has_default && !column.is_auto_increment()) {
            let value = filler(column, old).ok_or_else(|| no_filler(table, column, forward))?;
            fillers.push((column.name.clone(), value.to_owned()));
        }
        let columns = columns.into_iter().map(|column| column.name).collect();
        change.aside = Some(Aside { table: aside_name(table, bookkeeping).map_err(unnamed)?, columns, fillers });
    }
    Ok((change, split.key_index))
}

/// How the change went there.
pub(super) fn forward_mapping(forward: &RunRow, old: &Table, new: &Table) -> Result<ColumnMapping> {
    let alter = read_clauses(&forward.clauses)
        .map_err(|error| Failure::new(Stop::Occupied, "the recorded clauses cannot be read").cause(error))?;
    Ok(ColumnMapping::new(&alter, old, new))
}

/// The key whose values the reverse log has, in the new table.
fn reversed_key(table: &TableName, walked: &ChunkKey, back: &ColumnMapping, new: &Table) -> Result<ChunkKey> {
    let logged: Vec<&Ident> = walked.columns.iter().map(|column| &column.target).collect();
    let is_logged = |key: &ChunkKey| {
        key.columns.len() == logged.len()
            && key.columns.iter().zip(&logged).all(|(column, logged)| column.source.same_name(logged))
    };
    let (fit, unfit) = walkable_keys(new, back);
    fit.into_iter().find(is_logged).ok_or_else(|| {
        let names: Vec<&str> = logged.iter().map(|column| column.as_str()).collect();
        let reasons: Vec<String> = unfit.iter().map(ToString::to_string).collect();
        no_key(table, &format!("written rows are known by ({}); {}", names.join(", "), reasons.join("; ")))
    })
}

fn consequences(change: &Change, old: &Table) -> (Vec<String>, Vec<String>) {
    let (mut losses, mut notes) = (Vec::new(), Vec::new());
    for column in change.mapping.dropped.iter().filter(|column| !column.generated) {
        losses.push(format!("the values of column {}, which only the new table has, are lost", column.name));
    }
    for pair in &change.mapping.pairs {
        if crate::verify::rounds(&pair.source, &pair.target) {
            let (name, to) = (&pair.source.name, &pair.target.column_type);
            losses.push(format!("values of column {name} that were written since are rounded to {to}"));
        }
    }
    let Some(aside) = &change.aside else { return (losses, notes) };
    for name in &aside.columns {
        match aside.fillers.iter().find(|(column, _)| column == name) {
            Some((_, value)) => losses.push(format!(
                "column {name}, which only the old table has, takes no NULL and has no default: rows inserted since get \
                 {value}, all others keep their values"
            )),
            None if old.column(name).is_some_and(Column::is_auto_increment) => {
                notes.push(format!("rows inserted since the change get new numbers in column {name}"));
            }
            None => notes.push(format!(
                "rows inserted since the change get the default of column {name}, which only the old table has; all \
                 others keep their values"
            )),
        }
    }
    (losses, notes)
}

/// Somebody may have changed either table since.
fn refuse_other_definitions(table: &TableName, new: &Table, old: &Table, forward: &Checkpoint) -> Result<()> {
    let same = |one: &str, other: &str| without_check_names(one) == without_check_names(other);
    let altered = |what: String| {
        Failure::new(Stop::Occupied, what)
            .table("untouched; writes go on being logged")
            .next("take that change back by the same means, then run the command again")
    };
    if !same(&forward.target_definition, &new.create_sql) {
        return Err(altered(format!("{table} was altered by somebody else since the change")));
    }
    let was = forward.original.as_ref().map(|original| original.definition.as_str());
    if was.is_some_and(|was| !same(was, &old.create_sql)) {
        return Err(altered(format!("{} was altered by somebody else since it was kept", old.name)));
    }
    Ok(())
}

/// A definition to be compared across a rename, in which MySQL renames checks that nobody has named.
fn without_check_names(create_sql: &str) -> Vec<String> {
    let unnamed = |line: String| match line.split_once("` CHECK ") {
        Some((name, check)) if line.starts_with("CONSTRAINT `") => {
            let digits = name.rsplit("_chk_").next().filter(|_| name.contains("_chk_")).unwrap_or_default();
            let made_up = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if made_up { format!("CHECK {check}") } else { line }
        }
        _ => line,
    };
    let mut lines: Vec<String> = comparable_definition(create_sql).into_iter().map(unnamed).collect();
    let others = lines.iter().position(|line| !line.starts_with('`')).unwrap_or(lines.len());
    lines[others..].sort();
    lines
}

/// The triggers of the application, which move to the old table.
async fn triggers_of(
    session: &mut Session,
    change: &Change,
    keys: &KeysBack,
    earlier: &[&Checkpoint],
    old: &Table,
) -> Result<Vec<UserTrigger>> {
    let table = &change.original;
    let is_own = |name: &str| {
        change.mirror.is_one_of_them(name)
            || keys.keys.is_own_trigger(name)
            || earlier.iter().any(|earlier| earlier.foreign_keys.is_own_trigger(name))
    };
    let triggers = user_triggers::read(session, table, is_own).await.map_err(failed)?;
    let names: Vec<Ident> = triggers.iter().map(UserTrigger::name).collect();
    if let Some(other) = names.iter().find_map(|name| checks::followed_by(name.as_str())) {
        let what = format!("the old table of a change of {other} is kept, and cascades of {table} are logged for it");
        return Err(Failure::new(Stop::Occupied, what)
            .table("untouched; writes go on being logged")
            .next(format!(
                "`replank rollback {other}` takes that change back, or `replank cleanup {other}` drops what it keeps"
            ))
            .next("then run the command again"));
    }
    match checks::refuse_triggers(table, &triggers, &|column| old.column(column).is_some()) {
        None => Ok(triggers),
        Some(failure) => Err(failure),
    }
}

/// The reverse log must have every write since the swap.
async fn refuse_gap(session: &mut Session, change: &Change) -> Result<()> {
    let logged = schema::exists(session, &change.log.table).await.map_err(failed)?;
    let present = change.mirror.present(session).await.map_err(failed)?;
    if logged && present == 3 {
        return Ok(());
    }
    let what = if logged { "its triggers are missing or different" } else { "it is gone" };
    let table = &change.original;
    Err(Failure::refused(format!("{table} cannot be rolled back: not every write was logged since the change"))
        .table("untouched")
        .next(format!("`replank cleanup {}` drops what is kept", table.argument()))
        .cause(format!("the log is {}; {what}", change.log.table)))
}

async fn inspect(session: &mut Session, name: &TableName) -> Result<Option<Table>> {
    schema::inspect(session, name).await.map_err(failed)
}

pub(super) fn nothing_kept(table: &TableName) -> Failure {
    Failure::refused(format!("no old table of {table} is kept, so there is nothing to go back to"))
        .table("untouched")
        .next("take the change back by a migration of its own")
}

fn gone(table: &TableName) -> Failure {
    Failure::new(Stop::Occupied, format!("{table} is gone"))
        .table("missing")
        .next("look for it under another name before anything else")
}

fn no_key(table: &TableName, why: &str) -> Failure {
    Failure::refused(format!("{table} cannot be rolled back: its rows cannot be matched with those of the old table"))
        .table("untouched")
        .next("take the change back by a migration of its own")
        .cause(why)
}

fn no_filler(table: &TableName, column: &Column, forward: &RunRow) -> Failure {
    Failure::refused(format!(
        "{table} cannot be rolled back: rows inserted since `{}` have no value for column {}, which only the old table \
         has",
        forward.migration, column.name
    ))
    .table("untouched")
    .next("take the change back by a migration of its own")
}

fn failed(error: ServerError) -> Failure {
    server_failure("looking at the tables", &error)
}
