//! What an earlier change keeps: the old table and the triggers that record what was written since.

use super::Inspection;
use crate::error::{Failure, Stop};
use crate::plan::Artifacts;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    let table = &inspection.table.name;
    let names = Artifacts::new(table).ok()?;
    let kept = inspection.relations.triggers.iter().any(|trigger| *trigger == names.reverse_triggers.insert.as_str());
    kept.then(|| {
        Failure::new(Stop::Occupied, format!("the old table of the previous change of {table} is still kept"))
            .table("untouched")
            .next(format!("`replank cleanup {}` drops it and the triggers that follow the new table", table.plain()))
    })
}
