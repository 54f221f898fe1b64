//! Only InnoDB has the snapshots that an unlocked copy needs.

use super::Inspection;
use crate::error::Failure;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    let engine = &inspection.table.engine;
    (!engine.eq_ignore_ascii_case("innodb")).then(|| {
        Failure::refused(format!(
            "{} is a {engine} table; only InnoDB tables can be copied online",
            inspection.table.name
        ))
        .table("untouched")
        .next("`ALTER TABLE … ENGINE=InnoDB` in a maintenance window comes first")
    })
}
