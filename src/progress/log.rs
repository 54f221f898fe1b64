//! A run as lines of a log: each fact as it happens, and the status now and then.

use std::io::Write;
use std::time::Duration;

use super::view::{Line, View, result_lines};
use super::{Lines, Screen, timestamp};
use crate::event::Event;

/// Time between two status blocks.
const EVERY: Duration = Duration::from_secs(30);

/// Lines with the time in front, and lines of the result.
pub struct Log<W, R> {
    lines: Lines<W>,
    results: Lines<R>,
    last: Duration,
}

impl<W: Write, R: Write> Log<W, R> {
    /// An empty log.
    pub fn new(lines: Lines<W>, results: Lines<R>) -> Log<W, R> {
        Log { lines, results, last: Duration::ZERO }
    }
}

impl<W: Write, R: Write> Screen for Log<W, R> {
    fn fact(&mut self, _now: Duration, event: &Event, _view: &View, line: Option<Line>) {
        if let Some(text) = result_lines(event) {
            self.results.write(&text);
        }
        if let Some(line) = line {
            self.lines.write(&format!("{} {}", timestamp(), line.text));
        }
    }

    fn status(&mut self, now: Duration, view: &View) {
        if now.saturating_sub(self.last) < EVERY {
            return;
        }
        self.last = now;
        for line in view.block(now) {
            self.lines.write(&format!("{} {line}", timestamp()));
        }
    }

    fn end(&mut self, _now: Duration, _view: &View) {}
}
