//! Triggers of the application: they would have to move to the new table inside the swap.

use super::Inspection;
use crate::error::Failure;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    let first = inspection.relations.triggers.first()?;
    let count = inspection.relations.triggers.len();
    let table = &inspection.table.name;
    let what = format!("{table} has {count} trigger{} (`{first}`)", if count == 1 { "" } else { "s" });
    Some(
        Failure::refused(format!("{what}; tables with triggers of their own are not changed online yet"))
            .table("untouched")
            .next(format!("`SHOW TRIGGERS FROM {}` lists them", table.schema)),
    )
}
