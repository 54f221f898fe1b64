//! Room for a second copy of the table.

use bytesize::ByteSize;

use super::{Inspection, disk_needed};
use crate::error::{Failure, Stop};

pub(super) fn check(inspection: &Inspection) -> Option<Failure> {
    let free = inspection.disk_free?;
    let needed = disk_needed(inspection.table);
    let reserve = inspection.disk_reserve;
    (free < needed.saturating_add(reserve)).then(|| {
        let [needed, reserve, free] = [needed, reserve, free].map(|bytes| ByteSize(bytes).display().iec().to_string());
        Failure::new(
            Stop::Server,
            format!("not enough disk: the copy needs {needed}, {reserve} must stay free, and {free} are free"),
        )
        .table("untouched")
        .next(format!("make room in {}, or lower `--disk-reserve`", inspection.facts.datadir))
    })
}
