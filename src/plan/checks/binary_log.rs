//! The binary log must carry rows: replayed as statements, the copy would read other rows on a replica.

use super::Inspection;
use crate::error::Failure;

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    let facts = inspection.facts;
    // A server without the variable knows only ROW.
    if facts.log_bin && !matches!(facts.binlog_format.as_str(), "ROW" | "") {
        return Some(
            Failure::refused(format!("binlog_format is {}; the copy needs ROW", facts.binlog_format))
                .table("untouched")
                .next("`SET GLOBAL binlog_format = ROW`, and reconnect the applications"),
        );
    }
    facts.replica_runs_triggers.then(|| {
        Failure::refused("slave_run_triggers_for_rbr is on; replicas would log and mirror every write twice")
            .table("untouched")
            .next("`SET GLOBAL slave_run_triggers_for_rbr = NO` on every server of the topology")
    })
}
