//! Events into metrics: every metric name and unit in one table.
//!
//! No exporter is chosen here: the `metrics` macros go to whatever recorder the process installs, or nowhere.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::event::{Event, Snapshot};

const ROWS_COPIED: &str = "replank_rows_copied_total";
const CHUNK_SECONDS: &str = "replank_chunk_seconds";
const KEYS_APPLIED: &str = "replank_keys_applied_total";
const BATCH_SECONDS: &str = "replank_batch_seconds";
const ROWS_REPAIRED: &str = "replank_rows_repaired_total";
const RETRIES: &str = "replank_retries_total";
const THROTTLE_SECONDS: &str = "replank_throttle_seconds";
const LOCK_ATTEMPTS: &str = "replank_lock_attempts_total";
const LOCK_PENDING_SECONDS: &str = "replank_lock_pending_seconds";
const LOCK_WINDOW_SECONDS: &str = "replank_lock_window_seconds";
const PHASE_SECONDS: &str = "replank_phase_seconds";
const RUNS_FINISHED: &str = "replank_runs_finished_total";
const MIGRATIONS_APPLIED: &str = "replank_migrations_applied_total";
const ROWS_DONE: &str = "replank_phase_rows_done";
const ROWS_TOTAL: &str = "replank_phase_rows_expected";
const BACKLOG: &str = "replank_backlog_rows";
const CHUNK_ROWS: &str = "replank_chunk_rows";
const WAITING: &str = "replank_limits_over";

/// How a metric is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Every metric: its name, kind, unit, and what it says with its labels.
const METRICS: &[(&str, Kind, Unit, &str)] = &[
    (ROWS_COPIED, Kind::Counter, Unit::Count, "rows copied by chunks"),
    (CHUNK_SECONDS, Kind::Histogram, Unit::Seconds, "time of one chunk"),
    (KEYS_APPLIED, Kind::Counter, Unit::Count, "change-log rows consumed"),
    (BATCH_SECONDS, Kind::Histogram, Unit::Seconds, "time of one applied batch, waiting for chunks included"),
    (ROWS_REPAIRED, Kind::Counter, Unit::Count, "rows that verification found different"),
    (RETRIES, Kind::Counter, Unit::Count, "statements tried again"),
    (THROTTLE_SECONDS, Kind::Histogram, Unit::Seconds, "time of one wait for a limit"),
    (LOCK_ATTEMPTS, Kind::Counter, Unit::Count, "requests for a table lock; purpose, granted"),
    (LOCK_PENDING_SECONDS, Kind::Histogram, Unit::Seconds, "time a lock request was pending; purpose"),
    (LOCK_WINDOW_SECONDS, Kind::Histogram, Unit::Seconds, "time writers waited behind a held lock; purpose"),
    (PHASE_SECONDS, Kind::Histogram, Unit::Seconds, "time of one phase; phase"),
    (RUNS_FINISHED, Kind::Counter, Unit::Count, "changes that happened"),
    (MIGRATIONS_APPLIED, Kind::Counter, Unit::Count, "migrations that a deploy applied"),
    (ROWS_DONE, Kind::Gauge, Unit::Count, "rows the current phase has done"),
    (ROWS_TOTAL, Kind::Gauge, Unit::Count, "rows the current phase expects"),
    (BACKLOG, Kind::Gauge, Unit::Count, "change-log rows that wait"),
    (CHUNK_ROWS, Kind::Gauge, Unit::Count, "current chunk size"),
    (WAITING, Kind::Gauge, Unit::Count, "limits that hold the copy back now"),
];

/// Tells the recorder what the metrics mean; once, after it is installed.
pub fn describe() {
    for &(name, kind, unit, help) in METRICS {
        match kind {
            Kind::Counter => describe_counter!(name, unit, help),
            Kind::Gauge => describe_gauge!(name, unit, help),
            Kind::Histogram => describe_histogram!(name, unit, help),
        }
    }
}

/// Records an event.
pub fn record(event: &Event) {
    match event {
        Event::PhaseFinished { phase, took } => histogram!(PHASE_SECONDS, "phase" => phase.label()).record(*took),
        Event::Retry { .. } => counter!(RETRIES).increment(1),
        Event::Unthrottled { waited } => histogram!(THROTTLE_SECONDS).record(*waited),
        Event::ChunkCopied { rows, took } => {
            counter!(ROWS_COPIED).increment(*rows);
            histogram!(CHUNK_SECONDS).record(*took);
        }
        Event::BatchApplied { keys, took } => {
            counter!(KEYS_APPLIED).increment(*keys);
            histogram!(BATCH_SECONDS).record(*took);
        }
        Event::RowsRepaired { rows, .. } => counter!(ROWS_REPAIRED).increment(*rows),
        Event::LockAttempt { purpose, granted, pending, .. } => {
            let granted = if *granted { "true" } else { "false" };
            counter!(LOCK_ATTEMPTS, "purpose" => purpose.clone(), "granted" => granted).increment(1);
            histogram!(LOCK_PENDING_SECONDS, "purpose" => purpose.clone()).record(*pending);
        }
        Event::LockWindow { purpose, length } => {
            histogram!(LOCK_WINDOW_SECONDS, "purpose" => purpose.clone()).record(*length);
        }
        Event::Finished { .. } => counter!(RUNS_FINISHED).increment(1),
        Event::MigrationFinished { .. } => counter!(MIGRATIONS_APPLIED).increment(1),
        Event::RunStarted { .. }
        | Event::MigrationsFound { .. }
        | Event::DatabaseCreated { .. }
        | Event::MigrationStarted { .. }
        | Event::StatementStarted { .. }
        | Event::Blocking { .. }
        | Event::PhaseStarted { .. }
        | Event::Notice { .. }
        | Event::Throttled { .. }
        | Event::Swapped { .. }
        | Event::RolledBack { .. }
        | Event::Recorded { .. } => {}
    }
}

/// Records the cumulative numbers.
pub fn record_snapshot(snapshot: &Snapshot) {
    gauge!(ROWS_DONE).set(snapshot.rows_done as f64);
    gauge!(ROWS_TOTAL).set(snapshot.rows_total as f64);
    gauge!(BACKLOG).set(snapshot.backlog as f64);
    gauge!(CHUNK_ROWS).set(snapshot.chunk_rows as f64);
    gauge!(WAITING).set(snapshot.waiting_for.len() as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Phase;
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};
    use std::collections::BTreeSet;
    use std::time::Duration;

    fn every_event() -> Vec<Event> {
        let took = Duration::from_millis(250);
        vec![
            Event::PhaseFinished { phase: Phase::Copy, took },
            Event::MigrationFinished { migration: "20261123101500_widen_total".into(), took },
            Event::Retry { what: "x".into(), attempt: 1, error: "y".into() },
            Event::Unthrottled { waited: took },
            Event::ChunkCopied { rows: 1_000, took },
            Event::ChunkCopied { rows: 500, took },
            Event::BatchApplied { keys: 7, took },
            Event::RowsRepaired { rows: 2, keys: Vec::new() },
            Event::LockAttempt { purpose: "cutover".into(), attempt: 1, granted: true, pending: took, blocker: None },
            Event::LockWindow { purpose: "cutover".into(), length: took },
            Event::Finished { took, rows_copied: 1_500, keys_applied: 7, old_table: None },
        ]
    }

    #[test]
    fn what_is_recorded_is_described_and_the_other_way_round() {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, || {
            describe();
            every_event().iter().for_each(record);
            record_snapshot(&Snapshot { backlog: 12, ..Snapshot::default() });
        });
        let mut recorded = BTreeSet::new();
        for (key, unit, help, value) in snapshotter.snapshot().into_vec() {
            let name = key.key().name().to_owned();
            assert!(unit.is_some() && help.is_some(), "{name}");
            match (name.as_str(), value) {
                (ROWS_COPIED, value) => assert_eq!(value, DebugValue::Counter(1_500)),
                (BACKLOG, value) => assert_eq!(value, DebugValue::Gauge(12.0.into())),
                (CHUNK_SECONDS, DebugValue::Histogram(times)) => {
                    assert_eq!(times.into_iter().map(f64::from).collect::<Vec<_>>(), [0.25, 0.25])
                }
                _ => {}
            }
            recorded.insert(name);
        }
        assert_eq!(recorded, METRICS.iter().map(|(name, ..)| (*name).to_owned()).collect());
    }
}
