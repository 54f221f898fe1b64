//! Keeps a repeated fact from flooding the screen. Pure: the clock is an argument.

use std::collections::HashMap;
use std::time::Duration;

/// Least time between two lines of one kind.
const QUIET: Duration = Duration::from_secs(10);

/// When each kind of line was last let through.
#[derive(Debug, Default)]
pub struct Limiter {
    kinds: HashMap<String, (Duration, u64)>,
}

impl Limiter {
    /// Whether a line of this kind may be shown now, and how many were held back since the last one.
    pub fn allow(&mut self, now: Duration, kind: String) -> Option<u64> {
        match self.kinds.get_mut(&kind) {
            Some((last, held_back)) if now.saturating_sub(*last) < QUIET => {
                *held_back += 1;
                None
            }
            Some(entry) => {
                let (_, held_back) = std::mem::replace(entry, (now, 0));
                Some(held_back)
            }
            None => {
                self.kinds.insert(kind, (now, 0));
                Some(0)
            }
        }
    }
}
