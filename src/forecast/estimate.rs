//! What a step costs: time, locks, disk. Rough, and said to be. Pure.

use std::time::Duration;

use crate::findings::Size;
use crate::plan::strategy::Strategy;

/// What a change of a table of this size costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// From an idle server to a loaded one; `None` when it depends on what nobody knows.
    pub time: Option<(Duration, Duration)>,
    /// Which locks, and for how long.
    pub locks: String,
    /// Bytes that must be free on the data disk.
    pub disk: Option<u64>,
}

/// Rows and indexes that an online copy gets through on an idle server: a table of 206 MiB with 200 MiB of indexes took
/// 20.5 s on MySQL 9.7 and 14.9 s on MariaDB 10.11, two cores, durable commits.
const COPIED_BYTES_PER_SECOND: u64 = 25 << 20;

/// A server that answers an application at the same time, and a copy that is throttled, take several times as long.
const LOADED: u64 = 5;

/// The server's own rebuild of the same table took 11.5 to 43 s.
const REBUILT_BYTES_PER_SECOND: u64 = 20 << 20;

/// No time is shown as shorter than this.
const SHORTEST: Duration = Duration::from_secs(1);

/// Of a change that replank makes.
pub fn online(strategy: Strategy, size: Size) -> Estimate {
    match strategy {
        Strategy::Instant | Strategy::InPlace => Estimate {
            time: Some((SHORTEST, SHORTEST)),
            locks: "the table, exclusively, for some milliseconds; taken without a queue behind it".to_owned(),
            disk: None,
        },
        Strategy::Copy => Estimate {
            time: Some(range(size.bytes, COPIED_BYTES_PER_SECOND)),
            locks:
                "the table, exclusively, twice for up to a few tenths of a second: for the triggers, and for the swap"
                    .to_owned(),
            disk: Some(size.bytes + size.bytes / 10),
        },
    }
}

/// Of a change that the server makes by itself.
pub fn plain(strategy: Strategy, size: Size) -> Estimate {
    match strategy {
        Strategy::Instant | Strategy::InPlace => Estimate {
            time: Some((SHORTEST, SHORTEST)),
            locks: "the table, exclusively, for some milliseconds".to_owned(),
            disk: None,
        },
        Strategy::Copy => {
            let time = range(size.bytes, REBUILT_BYTES_PER_SECOND);
            Estimate {
                time: Some(time),
                locks: "the table, against writes, until the statement ends".to_owned(),
                disk: Some(size.bytes + size.bytes / 10),
            }
        }
    }
}

fn range(bytes: u64, per_second: u64) -> (Duration, Duration) {
    let best = Duration::from_secs(bytes.div_ceil(per_second)).max(SHORTEST);
    let worst = Duration::from_secs((bytes * LOADED).div_ceil(per_second)).max(SHORTEST);
    (best, worst)
}
