//! How many rows the next chunk has, steered by how long the last ones took.
//!
//! Invariant: a size is always between [`Sizer::MIN`] and [`Sizer::MAX`], grows to at most twice what was just tried,
//! and falls at once when a chunk took too long.

use std::time::Duration;

/// Steers the size of chunks toward a time.
#[derive(Debug, Clone)]
pub struct Sizer {
    target: Duration,
    rows_per_second: Option<f64>,
    size: u64,
}

impl Sizer {
    /// Below this the statement costs more than its rows, and a stalled server would be asked ever more often.
    pub const MIN: u64 = 100;
    /// Above this one chunk is a transaction that replicas notice, at 1 KiB a row about 100 MiB.
    pub const MAX: u64 = 100_000;
    /// Small enough for wide rows on a slow disk, and eight doublings from the maximum.
    pub const START: u64 = 1_000;

    /// Growth is slow because a bigger chunk is a guess.
    const GROWTH: u64 = 2;
    /// Shrinking is fast because whoever waits for a chunk waits now, but bounded: one stall is no new speed.
    const SHRINK: u64 = 5;
    /// Weight of the newest speed: half of a lasting change is followed within two chunks, noise is evened out.
    const NEWEST: f64 = 0.3;
    /// A chunk that took longer than this many targets is an overshoot, not noise.
    const OVERSHOOT: f64 = 1.5;

    /// A sizer that aims at chunks of that time.
    pub fn new(target: Duration) -> Sizer {
        Sizer { target, rows_per_second: None, size: Sizer::START }
    }

    /// Rows for the next chunk.
    pub fn next_size(&self) -> u64 {
        self.size
    }

    /// Learns from a chunk; chunks of several workers may come in any order.
    pub fn observe(&mut self, rows: u64, took: Duration) {
        if rows == 0 {
            return;
        }
        // A clock that did not move must not make the speed infinite.
        let took = took.max(Duration::from_micros(1));
        let newest = rows as f64 / took.as_secs_f64();
        let overshot = took.as_secs_f64() > self.target.as_secs_f64() * Sizer::OVERSHOOT;
        let speed = match self.rows_per_second {
            Some(known) if overshot => known.min(newest),
            Some(known) => known + (newest - known) * Sizer::NEWEST,
            None => newest,
        };
        let wanted = (speed * self.target.as_secs_f64()) as u64;
        let grown = self.size.max(rows.saturating_mul(Sizer::GROWTH)).min(self.size.saturating_mul(Sizer::GROWTH));
        self.size = wanted.clamp(self.size / Sizer::SHRINK, grown).clamp(Sizer::MIN, Sizer::MAX);
        self.rows_per_second = Some(speed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TARGET: Duration = Duration::from_millis(100);

    /// How long a server takes that needs some time for each statement and some for each row.
    fn took(rows: u64, overhead: f64, rows_per_second: f64) -> Duration {
        Duration::from_secs_f64(overhead + rows as f64 / rows_per_second)
    }

    fn settle(sizer: &mut Sizer, chunks: usize, overhead: f64, rows_per_second: f64) {
        for _ in 0..chunks {
            let rows = sizer.next_size();
            sizer.observe(rows, took(rows, overhead, rows_per_second));
        }
    }

    #[test]
    fn growth_is_slow_and_shrinking_is_fast() {
        let mut sizer = Sizer::new(TARGET);
        sizer.observe(1_000, Duration::from_millis(1));
        assert_eq!(sizer.next_size(), 2_000);
        sizer.observe(2_000, Duration::from_secs(10));
        assert_eq!(sizer.next_size(), 400);
    }

    #[test]
    fn one_stall_seen_by_many_workers_shrinks_no_further_than_the_speed_says() {
        let mut sizer = Sizer::new(TARGET);
        for _ in 0..8 {
            sizer.observe(1_000, Duration::from_millis(400));
        }
        assert_eq!(sizer.next_size(), 250);
    }

    #[test]
    fn a_partial_chunk_proves_no_bigger_size() {
        let mut sizer = Sizer::new(TARGET);
        sizer.observe(3, Duration::from_micros(10));
        assert_eq!(sizer.next_size(), 1_000);
        sizer.observe(0, Duration::from_secs(9));
        assert_eq!(sizer.next_size(), 1_000);
    }

    proptest! {
        #[test]
        fn sizes_are_bounded(observed in prop::collection::vec((0..u64::MAX, 0..u64::MAX), 0..50), target in 0_u64..10_000) {
            let mut sizer = Sizer::new(Duration::from_millis(target));
            for (rows, nanos) in observed {
                let before = sizer.next_size();
                sizer.observe(rows, Duration::from_nanos(nanos));
                prop_assert!((Sizer::MIN..=Sizer::MAX).contains(&sizer.next_size()));
                prop_assert!(sizer.next_size() <= before * 2);
                prop_assert!(sizer.next_size() >= (before / 5).max(Sizer::MIN));
            }
        }

        #[test]
        fn a_constant_speed_is_found(rows_per_second in 100.0..1e7_f64, overhead in 0.0..0.04_f64) {
            let mut sizer = Sizer::new(TARGET);
            settle(&mut sizer, 60, overhead, rows_per_second);
            let ideal = (TARGET.as_secs_f64() - overhead) * rows_per_second;
            let ideal = ideal.clamp(Sizer::MIN as f64, Sizer::MAX as f64);
            let off = (sizer.next_size() as f64 - ideal).abs() / ideal;
            prop_assert!(off < 0.05, "{} instead of {ideal}", sizer.next_size());
        }

        #[test]
        fn one_outlier_is_forgotten(rows_per_second in 1_000.0..1e6_f64, stall in 0.2..60.0_f64, rows in 1_u64..100_000) {
            let mut sizer = Sizer::new(TARGET);
            settle(&mut sizer, 60, 0.0, rows_per_second);
            let settled = sizer.next_size() as f64;
            sizer.observe(rows.min(sizer.next_size()), Duration::from_secs_f64(stall));
            settle(&mut sizer, 20, 0.0, rows_per_second);
            prop_assert!((sizer.next_size() as f64) > settled * 0.9, "{} after {settled}", sizer.next_size());
        }
    }
}
