//! Clauses that no run may carry, and clauses that a copy cannot carry yet.

use super::Inspection;
use crate::error::Failure;
use crate::plan::clauses::ClauseKind;

pub(super) fn check_always(inspection: &Inspection) -> Option<Failure> {
    inspection.alter.clauses.iter().find_map(|clause| {
        let why = match &clause.kind {
            ClauseKind::RenameTable { .. } => "renaming the table is not a change of it; run it by itself",
            ClauseKind::TruncatePartition | ClauseKind::DropPartitions => "it removes rows",
            ClauseKind::ExchangePartition => "it moves rows to another table",
            ClauseKind::Tablespace => "it detaches the table from its file",
            ClauseKind::AddSystemVersioning | ClauseKind::DropSystemVersioning => SYSTEM_VERSIONED,
            _ => return None,
        };
        Some(refusal(&clause.text, why))
    })
}

pub(super) fn check_copy(inspection: &Inspection) -> Option<Failure> {
    inspection.alter.clauses.iter().find_map(|clause| {
        let why = match &clause.kind {
            ClauseKind::AddPeriod | ClauseKind::DropPeriod => "a copy does not keep what a period adds to rows",
            ClauseKind::OrderBy => "InnoDB keeps rows in the order of the primary key",
            ClauseKind::DisableKeys | ClauseKind::EnableKeys => "it means nothing for InnoDB",
            ClauseKind::AddPartitions
            | ClauseKind::ReorganizePartition
            | ClauseKind::CoalescePartition
            | ClauseKind::MaintainPartition => "the server maintains partitions in place by itself",
            ClauseKind::TableOption { name, value } if name == "ENGINE" && !value.eq_ignore_ascii_case("innodb") => {
                "only InnoDB tables can be copied online"
            }
            ClauseKind::Other => "replank does not know what it does to the rows",
            _ => return None,
        };
        Some(refusal(&clause.text, why))
    })
}

const SYSTEM_VERSIONED: &str = "a copy cannot keep the history of system-versioned rows";

fn refusal(clause: &str, why: &str) -> Failure {
    Failure::refused(format!("`{clause}` is not done online: {why}"))
        .table("untouched")
        .next("take the clause out of `--alter`, or run it in a maintenance window")
}
