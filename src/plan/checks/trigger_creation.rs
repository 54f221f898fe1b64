//! Error 1419: with the binary log on, creating a trigger takes SUPER or log_bin_trust_function_creators.

use super::Inspection;
use crate::error::Failure;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    let facts = inspection.facts;
    let denied = facts.log_bin && !facts.trust_function_creators && !inspection.grants.has_super();
    denied.then(|| {
        Failure::refused("log_bin_trust_function_creators is OFF, so this account may not create triggers")
            .table("untouched")
            .next("`SET GLOBAL log_bin_trust_function_creators = 1` (the triggers made here are safe for row events)")
            .next("or use an account with SUPER")
    })
}
