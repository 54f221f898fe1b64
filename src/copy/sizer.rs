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
