//! How long an application's writes took, and which errors it got.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::super::program::LockWindow;

/// A stretch of time.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub from: Instant,
    pub to: Instant,
}

impl Span {
    pub fn contains(&self, at: Instant) -> bool {
        self.from <= at && at <= self.to
    }

    pub fn length(&self) -> Duration {
        self.to - self.from
    }
}

/// A write, from sending it until the server acknowledged it, retries included.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub from: Instant,
    pub took: Duration,
}

/// An error the application got.
#[derive(Debug, Clone)]
pub struct Failed {
    pub at: Instant,
    /// The server's error number; 0 for a lost connection.
    pub code: u16,
    pub message: String,
    /// What was sent.
    pub what: &'static str,
    /// Whether the application tried again, as every application on InnoDB must after a deadlock.
    pub retried: bool,
    /// InnoDB's own report shows a deadlock between sessions of the application alone: neither a statement nor a table
    /// of replank is in it. Writers own their rows, but share gaps of secondary indexes.
    pub self_inflicted: bool,
}

/// Deadlock and lock wait timeout: an application has to expect these from any other session.
pub const RETRYABLE: [u16; 2] = [1213, 1205];

#[derive(Debug, Default)]
pub struct Record {
    samples: Vec<Sample>,
    pub errors: Vec<Failed>,
    /// Things that were read or found otherwise than acknowledged writes say.
    pub surprises: Vec<String>,
}

/// A write as slow as no other in its span.
#[derive(Debug, Clone, Copy)]
pub struct Stall {
    pub at: Instant,
    pub took: Duration,
}

impl Record {
    pub fn write(&mut self, from: Instant) {
        self.samples.push(Sample { from, took: from.elapsed() });
    }

    pub fn merge(&mut self, other: Record) {
        self.samples.extend(other.samples);
        self.errors.extend(other.errors);
        self.surprises.extend(other.surprises);
    }

    pub fn writes(&self) -> usize {
        self.samples.len()
    }

    fn within(&self, span: Span) -> impl Iterator<Item = &Sample> {
        // A write belongs to every span it was waiting in: a stall may begin before a change and end in it.
        self.samples.iter().filter(move |sample| sample.from <= span.to && sample.from + sample.took >= span.from)
    }

    /// Latencies of the writes in a span, in microseconds.
    pub fn latencies(&self, span: Span) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).expect("three digits are supported");
        for sample in self.within(span) {
            histogram.record(sample.took.as_micros() as u64).expect("it grows with its values");
        }
        histogram
    }

    pub fn longest_stall(&self, span: Span) -> Option<Stall> {
        let longest = self.within(span).max_by_key(|sample| sample.took)?;
        Some(Stall { at: longest.from, took: longest.took })
    }

    /// How often each error came.
    pub fn errors_by_code(&self) -> BTreeMap<u16, usize> {
        let mut counts = BTreeMap::new();
        for error in &self.errors {
            *counts.entry(error.code).or_insert(0) += 1;
        }
        counts
    }

    /// Errors that an application must not get because of an online change: all but the retryable ones that came
    /// while a lock of ours was pending or held.
    pub fn unexcused(&self, windows: &[LockWindow]) -> Vec<&Failed> {
        // The event is read a moment after the window, and a waiting session is told a moment after that.
        const SLACK: Duration = Duration::from_millis(250);
        let excused = |error: &Failed| {
            if error.self_inflicted {
                return true;
            }
            RETRYABLE.contains(&error.code)
                && windows.iter().any(|window| window.from <= error.at + SLACK && error.at <= window.to + SLACK)
        };
        self.errors.iter().filter(|error| !excused(error)).collect()
    }

    /// Errors other than the retryable ones.
    pub fn unretryable(&self) -> Vec<&Failed> {
        self.errors.iter().filter(|error| !RETRYABLE.contains(&error.code)).collect()
    }
}
