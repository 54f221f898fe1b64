//! A run as lines of a log: each fact as it happens, and the status now and then.

use std::io::Write;
use std::time::Duration;

use super::view::{Line, View};
use super::{Lines, Screen, timestamp};
use crate::event::Event;

/// Time between two status blocks.
const EVERY: Duration = Duration::from_secs(30);

/// Lines with the time in front.
pub struct Log<W> {
    lines: Lines<W>,
    last: Duration,
}

impl<W: Write> Log<W> {
    /// An empty log.
    pub fn new(lines: Lines<W>) -> Log<W> {
        Log { lines, last: Duration::ZERO }
    }
}

impl<W: Write> Screen for Log<W> {
    fn fact(&mut self, _now: Duration, _event: &Event, _view: &View, line: Option<Line>) {
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
