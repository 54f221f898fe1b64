//! What an earlier change keeps: the old table and the triggers that record what was written since.
//!
//! They are in the way of every change, not only of a copy, which makes such things itself: they name the columns of the
//! key that was walked, and a column that is renamed or dropped under them fails every write of the application (1054).

use super::Inspection;
use crate::error::{Failure, Stop};
use crate::plan::{Artifacts, TriggerNames};
use crate::sql::TableName;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    let table = &inspection.table.name;
    let names = Artifacts::new(table).ok()?;
    let TriggerNames { insert, update, delete } = &names.reverse_triggers;
    let kept = [insert, update, delete]
        .iter()
        .any(|name| inspection.relations.triggers.iter().any(|trigger| trigger == name.as_str()));
    kept.then(|| failure(table))
}

/// The refusal itself.
pub(super) fn failure(table: &TableName) -> Failure {
    Failure::new(Stop::Occupied, format!("the old table of the previous change of {table} is still kept"))
        .table("untouched")
        .next(format!("`replank cleanup {}` drops it and the triggers that follow the new table", table.plain()))
}
