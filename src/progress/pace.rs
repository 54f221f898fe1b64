//! How fast a phase goes and when it will be done. Pure: time is passed in.

use std::collections::VecDeque;
use std::time::Duration;

/// Over how long the rate is taken: long enough to smooth single chunks, short enough to show a throttle.
const WINDOW: Duration = Duration::from_secs(15);
/// Least distance of two samples, which bounds how many the window holds.
const SPACING: Duration = Duration::from_millis(250);
/// An estimate is given after this much time ...
const HONEST_AFTER: Duration = Duration::from_secs(10);
/// ... or after this part of the rows, whichever comes first.
const HONEST_SHARE: f64 = 0.03;
/// The share alone says nothing when it is reached at once, as on a small table.
const HONEST_AT_LEAST: Duration = Duration::from_secs(1);
/// Longest estimate that is still a number: a year.
const LONGEST: f64 = 365.0 * 86_400.0;

/// When a phase will be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eta {
    /// Too early to say.
    Measuring,
    /// Nothing moved lately.
    Stalled,
    /// The estimate of the total is passed and the work goes on.
    Overdue,
    /// This long.
    In(Duration),
}

/// Cumulative row counts over time.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    samples: VecDeque<(Duration, u64)>,
    first: Option<(Duration, u64)>,
}

impl Pace {
    /// Takes a cumulative count. A count below the last one begins anew: it belongs to other work.
    pub fn observe(&mut self, now: Duration, rows: u64) {
        if self.samples.back().is_some_and(|(at, last)| rows < *last || now < *at) {
            *self = Pace::default();
        }
        self.first.get_or_insert((now, rows));
        // The newest sample moves until it is far enough from the one before it.
        let replace = self.samples.len() >= 2
            && self.samples.back().is_some_and(|_| now - self.samples[self.samples.len() - 2].0 < SPACING);
        if replace {
            self.samples.pop_back();
        }
        self.samples.push_back((now, rows));
        // One sample older than the window stays, so that the window is always covered.
        while self.samples.len() > 2 && self.samples[1].0 + WINDOW <= now {
            self.samples.pop_front();
        }
    }

    /// Rows a second over the window that ends now; `None` before there are two samples.
    pub fn rate(&self, now: Duration) -> Option<f64> {
        let (_, newest) = *self.samples.back()?;
        let begin = now.saturating_sub(WINDOW);
        let mut older = self.samples.iter().rev().skip_while(|(at, _)| *at > begin);
        let (from, rows) = match older.next() {
            // The count at the window's begin lies between this sample and the next; in between it grew evenly.
            Some((at, rows)) => match self.samples.iter().find(|(later, _)| *later > begin) {
                Some((later, more)) => {
                    let part = (begin - *at).as_secs_f64() / (*later - *at).as_secs_f64();
                    (begin, *rows as f64 + part * (*more - *rows) as f64)
                }
                None => (begin, newest as f64),
            },
            None => {
                let (at, rows) = *self.samples.front()?;
                (at, rows as f64)
            }
        };
        let seconds = now.saturating_sub(from).as_secs_f64();
        (self.samples.len() > 1 && seconds > 0.0).then(|| (newest as f64 - rows).max(0.0) / seconds)
    }

    /// When `total` rows will be reached.
    pub fn eta(&self, now: Duration, total: u64) -> Eta {
        let (Some((began, from)), Some((_, done))) = (self.first, self.samples.back().copied()) else {
            return Eta::Measuring;
        };
        let elapsed = now.saturating_sub(began);
        let share = if total == 0 { 0.0 } else { (done - from) as f64 / total as f64 };
        if elapsed < HONEST_AFTER && (share < HONEST_SHARE || elapsed < HONEST_AT_LEAST) {
            return Eta::Measuring;
        }
        if done >= total {
            return Eta::Overdue;
        }
        match self.rate(now) {
            None => Eta::Measuring,
            Some(rate) => {
                let seconds = (total - done) as f64 / rate;
                if seconds < LONGEST { Eta::In(Duration::from_secs_f64(seconds)) } else { Eta::Stalled }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn it_measures_before_it_promises() {
        let mut pace = Pace::default();
        assert_eq!(pace.eta(at(0), 100), Eta::Measuring);
        pace.observe(at(0), 0);
        pace.observe(at(5_000), 2);
        assert_eq!(pace.eta(at(5_000), 100), Eta::Measuring);
        pace.observe(at(6_000), 3);
        assert_eq!(pace.eta(at(6_000), 100), Eta::In(Duration::from_secs(194)));
        pace.observe(at(11_000), 3);
        assert!(matches!(pace.eta(at(11_000), 1_000_000), Eta::In(_)));
    }

    #[test]
    fn what_an_earlier_run_did_is_not_speed() {
        let mut pace = Pace::default();
        pace.observe(at(0), 900_000);
        pace.observe(at(2_000), 900_100);
        assert_eq!(pace.rate(at(2_000)), Some(50.0));
        assert_eq!(pace.eta(at(2_000), 1_000_000), Eta::Measuring);
    }

    #[test]
    fn a_stall_is_not_an_estimate() {
        let mut pace = Pace::default();
        pace.observe(at(0), 0);
        pace.observe(at(12_000), 1_200);
        assert_eq!(pace.rate(at(12_000)), Some(100.0));
        assert_eq!(pace.eta(at(60_000), 100_000), Eta::Stalled);
    }

    #[test]
    fn the_total_is_only_an_estimate() {
        let mut pace = Pace::default();
        pace.observe(at(0), 0);
        pace.observe(at(20_000), 120);
        assert_eq!(pace.eta(at(20_000), 100), Eta::Overdue);
        pace.observe(at(21_000), 5);
        assert_eq!(pace.eta(at(21_000), 100), Eta::Measuring);
    }

    /// Steps of time in milliseconds and rows.
    fn steps() -> impl Strategy<Value = Vec<(u64, u64)>> {
        prop::collection::vec((0u64..5_000, 0u64..10_000), 1..200)
    }

    proptest! {
        #[test]
        fn rates_stay_within_what_was_seen(steps in steps(), later in 0u64..60_000) {
            let (mut pace, mut now, mut rows) = (Pace::default(), 0, 0);
            pace.observe(at(0), 0);
            for (time, more) in steps {
                now += time;
                rows += more;
                pace.observe(at(now), rows);
                prop_assert!(pace.samples.len() <= 64);
                if let Some(rate) = pace.rate(at(now + later)) {
                    prop_assert!(rate.is_finite() && rate >= 0.0);
                    let seconds = (now + later).min(WINDOW.as_millis() as u64) as f64 / 1e3;
                    prop_assert!(rate * seconds <= rows as f64 + 1e-6, "{rate}/s over {seconds}s, {rows} rows");
                }
                pace.eta(at(now + later), rows + 1);
            }
        }

        /// At a steady pace the estimate is right, and a second later it is a second less.
        #[test]
        fn a_steady_pace_gives_a_steady_estimate(rate in 10u64..100_000, seconds in 11u64..600, beat in 50u64..1_000) {
            let total = rate * 3_600;
            let mut pace = Pace::default();
            for tick in 0..=(seconds * 1_000 / beat) {
                pace.observe(at(tick * beat), rate * tick * beat / 1_000);
            }
            let now = seconds * 1_000 / beat * beat;
            let Eta::In(left) = pace.eta(at(now), total) else { panic!("no estimate") };
            let expected = 3_600.0 - now as f64 / 1e3;
            prop_assert!((left.as_secs_f64() / expected - 1.0).abs() < 0.02, "{left:?} for {expected}");
        }
    }
}
