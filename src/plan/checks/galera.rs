//! Galera: LOCK TABLES and named locks are local to a node, so the swap would not be safe.

use super::Inspection;
use crate::error::Failure;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    inspection.facts.galera.then(|| {
        Failure::refused("the server is a Galera node; its locks do not hold on the other nodes")
            .table("untouched")
            .next("Galera clusters are not supported yet")
    })
}
