//! A server that refuses writes, most likely a replica.

use super::Inspection;
use crate::error::Failure;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    inspection.facts.read_only.then(|| {
        Failure::refused("the server is read-only")
            .table("untouched")
            .next("give the primary in `--url`, DATABASE_URL or `.env`: a change made on a replica never leaves it")
    })
}
