//! What an earlier change keeps: the old table and the triggers that record what was written since.
//!
//! They are in the way of every change, not only of a copy, which makes such things itself: they name the columns of the
//! key that was walked, and a column that is renamed or dropped under them fails every write of the application (1054).
//! A change of foreign keys alone touches no column.

use super::Inspection;
use crate::error::{Failure, Stop};
use crate::plan::key_clauses::only_foreign_keys;
use crate::plan::{Artifacts, TriggerNames};
use crate::sql::TableName;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    if only_foreign_keys(inspection.alter) {
        return None;
    }
    let table = &inspection.table.name;
    let names = Artifacts::new(table).ok()?;
    let TriggerNames { insert, update, delete } = &names.reverse_triggers;
    let kept = [insert, update, delete]
        .iter()
        .any(|name| inspection.relations.triggers.iter().any(|trigger| trigger == name.as_str()));
    kept.then(|| failure(table)).or_else(|| followed(inspection))
}

/// Another table's change has triggers here that name columns of both: they follow its cascades.
fn followed(inspection: &Inspection) -> Option<Failure> {
    let table = &inspection.table.name;
    let changed = inspection.relations.triggers.iter().find_map(|trigger| followed_by(trigger))?;
    Some(
        Failure::new(Stop::Occupied, format!("a change of {changed} follows its foreign keys by triggers on {table}"))
            .table("untouched")
            .next(format!("when that change is over, `replank cleanup {changed}` drops them with its old table")),
    )
}

/// The table whose change a trigger logs cascades for: `shop.Order` of `shop.Order__rpk_c1d` and `shop.Order__rpk_rc1u`.
pub fn followed_by(trigger: &str) -> Option<&str> {
    let (table, rest) = trigger.rsplit_once("__rpk_")?;
    let rest = rest.strip_prefix('r').unwrap_or(rest);
    let number = rest.strip_prefix('c')?.strip_suffix(['d', 'u'])?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(table)
}

/// The refusal itself.
pub(super) fn failure(table: &TableName) -> Failure {
    Failure::new(Stop::Occupied, format!("the old table of the previous change of {table} is still kept"))
        .table("untouched")
        .next(format!("`replank cleanup {}` drops it and the triggers that follow the new table", table.argument()))
}
