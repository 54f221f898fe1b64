//! A new column that must have a value and has no default: what the server would fill in is rarely what is meant.

use super::Inspection;
use crate::error::Failure;
use crate::plan::mapping::ColumnMapping;

pub(super) fn check(inspection: &Inspection, mapping: &ColumnMapping) -> Option<Failure> {
    let column = mapping.added_without_default().into_iter().next()?;
    let name = &column.name;
    (inspection.table.rows_estimate > 0).then(|| {
        Failure::refused(format!(
            "the new column {name} is NOT NULL and has no default, so existing rows have no value for it"
        ))
        .table("untouched")
        .next("give it a DEFAULT, or add it as NULL, fill it, and make it NOT NULL in a second change")
    })
}
