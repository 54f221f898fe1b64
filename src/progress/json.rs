//! A run as JSON lines. Chunks and batches come summed up in the progress lines: a run may have millions.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::view::{Line, View};
use super::{Lines, Screen, timestamp};
use crate::event::{Event, Phase};

/// Least time between two progress lines.
const EVERY: Duration = Duration::from_secs(3);

/// One object a line, each with `time` and `event`.
pub struct Json<W> {
    lines: Lines<W>,
    last: Duration,
    chunks: Sum,
    batches: Sum,
}

/// Statements of one kind since the start.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Sum {
    count: u64,
    rows: u64,
    #[serde(serialize_with = "rounded")]
    seconds: f64,
}

impl Sum {
    fn add(&mut self, rows: u64, took: Duration) {
        self.count += 1;
        self.rows += rows;
        self.seconds += took.as_secs_f64();
    }
}

#[derive(Serialize)]
struct Timed<'a> {
    time: String,
    #[serde(flatten)]
    event: &'a Event,
}

#[derive(Serialize)]
struct Numbers<'a> {
    time: String,
    event: &'static str,
    phase: Option<Phase>,
    rows_done: u64,
    rows_total: u64,
    rows_per_second: Option<u64>,
    eta_seconds: Option<u64>,
    backlog: u64,
    keys_applied: u64,
    chunk_rows: u64,
    waiting_for: &'a [String],
    chunks: Sum,
    batches: Sum,
}

impl<W: Write> Json<W> {
    /// Nothing written yet.
    pub fn new(lines: Lines<W>) -> Json<W> {
        Json { lines, last: Duration::ZERO, chunks: Sum::default(), batches: Sum::default() }
    }

    fn write(&mut self, value: &impl Serialize) {
        // None of these types has a key that is not a string, the only thing JSON could refuse.
        if let Ok(line) = serde_json::to_string(value) {
            self.lines.write(&line);
        }
    }

    fn numbers(&mut self, now: Duration, view: &View) {
        self.last = now;
        let numbers = view.numbers();
        self.write(&Numbers {
            time: timestamp(),
            event: "progress",
            phase: numbers.phase,
            rows_done: numbers.rows_done,
            rows_total: numbers.rows_total,
            rows_per_second: view.rate(now).map(|rate| rate.round() as u64),
            eta_seconds: view.eta(now).map(|left| left.as_secs()),
            backlog: numbers.backlog,
            keys_applied: numbers.keys_applied,
            chunk_rows: numbers.chunk_rows,
            waiting_for: &numbers.waiting_for,
            chunks: self.chunks,
            batches: self.batches,
        });
    }
}

impl<W: Write> Screen for Json<W> {
    fn fact(&mut self, now: Duration, event: &Event, view: &View, _line: Option<Line>) {
        match event {
            Event::ChunkCopied { rows, took } => self.chunks.add(*rows, *took),
            Event::BatchApplied { keys, took } => self.batches.add(*keys, *took),
            event => {
                // The last numbers of a phase stand before its end, so that a reader has them whole.
                if matches!(event, Event::PhaseFinished { .. }) && view.numbers().rows_total > 0 {
                    self.numbers(now, view);
                }
                self.write(&Timed { time: timestamp(), event });
            }
        }
    }

    fn status(&mut self, now: Duration, view: &View) {
        let due = now.saturating_sub(self.last) >= EVERY;
        if due && view.numbers().phase.is_some() {
            self.numbers(now, view);
        }
    }

    fn end(&mut self, now: Duration, view: &View) {
        // How far a run came that did not finish.
        if view.numbers().phase.is_some() && !view.summary().finished {
            self.numbers(now, view);
        }
    }
}

fn rounded<S: serde::Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((seconds * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Snapshot;
    use crate::progress::tell;

    #[test]
    fn chunks_are_summed_and_every_line_has_time_and_event() {
        let mut written = Vec::new();
        let mut json = Json::new(Lines::new(&mut written));
        let mut view = View::default();
        let at = Duration::from_secs;
        tell(&mut json, &mut view, at(0), &Event::PhaseStarted { phase: Phase::Copy });
        for second in 0..10 {
            tell(&mut json, &mut view, at(second), &Event::ChunkCopied { rows: 100, took: at(1) });
            let rows_done = (second + 1) * 100;
            view.snapshot(
                at(second),
                Snapshot { phase: Some(Phase::Copy), rows_done, rows_total: 2_000, ..Snapshot::default() },
            );
            json.status(at(second), &view);
        }
        tell(&mut json, &mut view, at(10), &Event::PhaseFinished { phase: Phase::Copy, took: at(10) });

        let lines: Vec<serde_json::Value> =
            String::from_utf8(written).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let kinds: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["phase_started", "progress", "progress", "progress", "progress", "phase_finished"]);
        for line in &lines {
            line["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        }
        let last = &lines[4];
        assert_eq!((&last["chunks"]["count"], &last["chunks"]["rows"]), (&10.into(), &1_000.into()));
        assert_eq!(last["rows_per_second"], 90);
        assert_eq!(last["eta_seconds"], 11);
    }
}
