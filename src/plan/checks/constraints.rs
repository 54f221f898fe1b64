//! Foreign keys on either side, and CHECK names that a copy could not keep.

use super::Inspection;
use crate::error::Failure;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    let table = &inspection.table.name;
    if let Some((constraint, parent)) = inspection.relations.references.first() {
        return Some(not_yet(format!("{table} references {parent} by foreign key `{constraint}`")));
    }
    if let Some((constraint, child)) = inspection.relations.referenced_by.first() {
        return Some(not_yet(format!("{child} references {table} by foreign key `{constraint}`")));
    }
    // MySQL names checks per schema, and CREATE TABLE … LIKE numbers them anew; generated names follow a rename.
    let generated = |(index, name): (usize, &String)| *name == format!("{}_chk_{}", table.table.as_str(), index + 1);
    let mut checks = inspection.relations.schema_wide_checks.clone();
    checks.sort_by_key(|name| (name.len(), name.clone()));
    let named = checks.iter().enumerate().find(|check| !generated(*check)).map(|(_, name)| name);
    named.map(|name| {
        Failure::refused(format!(
            "{table} has a CHECK with a name of its own, `{name}`, which a copy could not keep yet"
        ))
        .table("untouched")
        .next("run the change in a maintenance window, or drop the CHECK first")
    })
}

fn not_yet(what: String) -> Failure {
    Failure::refused(format!("{what}; tables with foreign keys are not changed online yet"))
        .table("untouched")
        .next("run the change in a maintenance window")
}
