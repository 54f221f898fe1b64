//! CHECK names that a copy could not keep.

use super::Inspection;
use crate::error::Failure;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    let table = &inspection.table.name;
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
