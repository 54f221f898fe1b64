//! Settings that change who gets a lock first: the log of changes must not make the application wait, and the swap must
//! go ahead of every write that waits.

use super::Inspection;
use crate::error::Failure;
use crate::server::Flavor;

/// Exclusive locks in a row that MariaDB must let go ahead; the default is 4,294,967,295.
const ENOUGH: u64 = 1_000;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    let facts = inspection.facts;
    if facts.autoinc_lock_mode == 0 {
        let what =
            "innodb_autoinc_lock_mode is 0; each write of the application would hold the change log until its end";
        return Some(
            Failure::refused(what)
                .table("untouched")
                .next("set innodb_autoinc_lock_mode to 1 or 2 in the server's configuration and restart it"),
        );
    }
    (facts.flavor == Flavor::MariaDb && facts.max_write_lock_count < ENOUGH).then(|| {
        Failure::refused(format!(
            "max_write_lock_count is {}; writes that wait could go ahead of the swap and be lost",
            facts.max_write_lock_count
        ))
        .table("untouched")
        .next("`SET GLOBAL max_write_lock_count = DEFAULT`")
    })
}
