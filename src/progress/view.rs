//! What is shown of a run: facts and snapshots in, lines out. Pure: the clock is an argument, counted from the start.

use std::time::Duration;

use crate::event::{AS_IT_IS, Event, Phase, Snapshot};
use crate::progress::limiter::Limiter;
use crate::progress::pace::{Eta, Pace};
use crate::progress::summary::Summary;
use crate::progress::wording::{about, count, counted, duration, pack};

/// A line about a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How it matters.
    pub tone: Tone,
    /// What it says.
    pub text: String,
    /// Whether the live status says it as well, so that a terminal need not print it.
    pub in_status: bool,
}

/// How a line matters. A word of the line says it too, never the colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// The course of things.
    Plain,
    /// A step that is over.
    Done,
    /// Something to look at.
    Warning,
}

/// The live status.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The phase.
    pub label: &'static str,
    /// How much of it is done, below 1 while it runs; `None` when it has no such number.
    pub share: Option<f64>,
    /// Lines of at most the width asked for, where single items allow it.
    pub details: Vec<String>,
}

/// The state of a run as far as it is shown.
#[derive(Debug, Default)]
pub struct View {
    phase: Option<(Phase, Duration)>,
    snapshot: Snapshot,
    pace: Pace,
    limiter: Limiter,
    throttle_told: bool,
    summary: Summary,
}

impl View {
    /// Takes a fact and returns the line it is worth, if any.
    pub fn fact(&mut self, now: Duration, event: &Event) -> Option<Line> {
        self.summary.add(event);
        match event {
            Event::RunStarted { table, strategy, rows_estimate, resumed, .. } => {
                let verb = if *resumed { "continuing" } else { "altering" };
                Some(plain(format!("{verb} {table}, about {}: {strategy}", counted(*rows_estimate, "row"))))
            }
            Event::PhaseStarted { phase } => {
                self.enter(now, *phase);
                Some(Line { in_status: true, ..plain(format!("{}: started", phase.label())) })
            }
            Event::PhaseFinished { phase, took } => {
                let text = format!("{}: done in {}", phase.label(), duration(*took));
                Some(Line { tone: Tone::Done, ..plain(text) })
            }
            Event::Notice { text } => Some(Line { tone: Tone::Warning, ..plain(format!("note: {text}")) }),
            Event::Retry { what, attempt, error } => {
                let text = format!("retry: {what}, attempt {attempt}: {error}");
                self.limited(now, format!("retry {what}"), text)
            }
            Event::Throttled { reasons } => {
                self.snapshot.waiting_for.clone_from(reasons);
                let told = self.limited(now, "throttle".to_owned(), format!("copy waits: {}", reasons.join("; ")));
                self.throttle_told |= told.is_some();
                told.map(|line| Line { in_status: true, ..line })
            }
            Event::Unthrottled { waited } => {
                self.snapshot.waiting_for.clear();
                let told = std::mem::take(&mut self.throttle_told);
                told.then(|| Line { in_status: true, ..plain(format!("copy goes on after {}", duration(*waited))) })
            }
            Event::ChunkCopied { .. } | Event::BatchApplied { .. } | Event::Finished { .. } => None,
            Event::RowsRepaired { rows, keys } => {
                let more = if (keys.len() as u64) < *rows { ", ..." } else { "" };
                let text =
                    format!("{} differed and will be repaired: {}{more}", counted(*rows, "row"), keys.join(", "));
                Some(Line { tone: Tone::Warning, ..plain(text) })
            }
            Event::LockAttempt { granted: true, .. } => None,
            Event::LockAttempt { purpose, attempt, pending, blocker, .. } => {
                let holder = blocker.as_ref().map(|blocker| format!("; held by {blocker}")).unwrap_or_default();
                let text =
                    format!("{purpose} lock: attempt {attempt} not granted within {}{holder}", duration(*pending));
                self.limited(now, format!("lock {purpose}"), text)
            }
            Event::LockWindow { purpose, length } => {
                Some(plain(format!("{purpose} lock: held for {}", duration(*length))))
            }
            Event::Swapped { old_table } => {
                Some(Line { tone: Tone::Done, ..plain(format!("swapped: the old table is {old_table}")) })
            }
            Event::MigrationsFound { .. } | Event::DatabaseCreated { .. } => None,
            Event::MigrationStarted { resumed_after: None, .. } | Event::MigrationFinished { .. } => None,
            Event::MigrationStarted { statements, resumed_after: Some(done), .. } => {
                Some(plain(format!("continuing: {done} of {statements} statements are done")))
            }
            // A migration of small tables reads as Prisma's does.
            Event::StatementStarted { how: AS_IT_IS, .. } => None,
            Event::StatementStarted { number, to, how, text } => {
                let number = if number == to { number.to_string() } else { format!("{number} to {to}") };
                Some(plain(format!("statement {number}, {how}: {text}")))
            }
            Event::Blocking { table, reason } => {
                let text = format!("note: writes to {table} are blocked by the next statement: {reason}");
                Some(Line { tone: Tone::Warning, ..plain(text) })
            }
            Event::RolledBack { migration } => {
                Some(Line { tone: Tone::Done, ..plain(format!("rolled back: {migration}")) })
            }
            Event::Recorded { file, .. } => Some(Line { tone: Tone::Done, ..plain(format!("recorded: {file}")) }),
        }
    }

    /// Takes a snapshot.
    pub fn snapshot(&mut self, now: Duration, snapshot: Snapshot) {
        if let Some(phase) = snapshot.phase {
            if self.phase.is_none_or(|(current, _)| current < phase) {
                self.enter(now, phase);
            }
            // A late snapshot of the last phase would only confuse the numbers of this one.
            if self.phase.is_some_and(|(current, _)| current != phase) {
                return;
            }
        }
        if snapshot.rows_total > 0 {
            self.pace.observe(now, snapshot.rows_done);
        }
        self.snapshot = snapshot;
    }

    /// The live status; a width of 0 puts all of it on one line.
    pub fn status(&self, now: Duration, width: usize) -> Status {
        let Some((phase, since)) = self.phase else {
            return Status { label: "start", share: None, details: Vec::new() };
        };
        let snapshot = &self.snapshot;
        let mut items = Vec::new();
        if snapshot.rows_total > 0 {
            // While it grows, the total is the server's guess.
            items.push(format!("{} of ~{} rows", count(snapshot.rows_done), count(snapshot.rows_total)));
            if let Some(rate) = self.pace.rate(now) {
                items.push(format!("{} rows/s", count(rate.round() as u64)));
            }
            items.push(self.eta_wording(now));
        }
        if snapshot.backlog > 0 || phase == Phase::Copy {
            items.push(format!("backlog {}", count(snapshot.backlog)));
        }
        items.push(format!("running {}", about(now.saturating_sub(since))));
        let mut details = pack(&items, width);
        if !snapshot.waiting_for.is_empty() {
            details.push(format!("waits: {}", snapshot.waiting_for.join("; ")));
        }
        Status { label: phase.label(), share: self.share(), details }
    }

    /// The status as one or two plain lines for a log.
    pub fn block(&self, now: Duration) -> Vec<String> {
        let status = self.status(now, 0);
        let share = status.share.map(|share| format!(" {}%", percent(share))).unwrap_or_default();
        let mut details = status.details.into_iter();
        let first = details.next().map(|line| format!(": {line}")).unwrap_or_default();
        let mut lines = vec![format!("{}{share}{first}", status.label)];
        lines.extend(details);
        lines
    }

    /// Rows a second, `None` when it is not known.
    pub fn rate(&self, now: Duration) -> Option<f64> {
        self.pace.rate(now).filter(|_| self.snapshot.rows_total > 0)
    }

    /// When the phase will be done, `None` when that is not known.
    pub fn eta(&self, now: Duration) -> Option<Duration> {
        match self.pace.eta(now, self.snapshot.rows_total) {
            Eta::In(left) if self.snapshot.rows_total > 0 => Some(left),
            Eta::In(_) | Eta::Measuring | Eta::Stalled | Eta::Overdue => None,
        }
    }

    /// The newest numbers.
    pub fn numbers(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What the run has done so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn enter(&mut self, now: Duration, phase: Phase) {
        if self.phase.is_some_and(|(current, _)| current == phase) {
            return;
        }
        self.phase = Some((phase, now));
        self.pace = Pace::default();
        self.snapshot = Snapshot { phase: Some(phase), backlog: self.snapshot.backlog, ..Snapshot::default() };
    }

    fn share(&self) -> Option<f64> {
        let Snapshot { rows_done, rows_total, .. } = self.snapshot;
        // Only the end of the phase is 100 %.
        (rows_total > 0).then(|| (rows_done as f64 / rows_total as f64).min(0.99))
    }

    fn eta_wording(&self, now: Duration) -> String {
        match self.pace.eta(now, self.snapshot.rows_total) {
            Eta::Measuring => "ETA measuring".to_owned(),
            Eta::Stalled => "ETA unknown".to_owned(),
            Eta::Overdue => "ETA soon".to_owned(),
            Eta::In(left) => format!("ETA {}", about(left.max(Duration::from_secs(1)))),
        }
    }

    fn limited(&mut self, now: Duration, key: String, text: String) -> Option<Line> {
        let held_back = self.limiter.allow(now, key)?;
        let more = if held_back > 0 { format!(" ({held_back} more since the last such line)") } else { String::new() };
        Some(Line { tone: Tone::Warning, ..plain(format!("{text}{more}")) })
    }
}

/// The lines of standard output that an event is worth: those of `prisma migrate deploy`.
pub fn result_lines(event: &Event) -> Option<String> {
    match event {
        Event::DatabaseCreated { name, location } => Some(format!("\nMySQL database {name} created at {location}")),
        Event::MigrationsFound { count: 0, directory } => Some(format!("\nNo migration found in {directory}\n")),
        Event::MigrationsFound { count, directory } => {
            let plural = if *count > 1 { "s" } else { "" };
            Some(format!("\n{count} migration{plural} found in {directory}\n"))
        }
        Event::MigrationStarted { migration, .. } => Some(format!("Applying migration `{migration}`")),
        _ => None,
    }
}

/// A share as whole percent, rounded down so that it never says more than there is.
pub fn percent(share: f64) -> u64 {
    (share * 100.0) as u64
}

fn plain(text: String) -> Line {
    Line { tone: Tone::Plain, text, in_status: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn copying(rows_done: u64) -> Snapshot {
        Snapshot { phase: Some(Phase::Copy), rows_done, rows_total: 3_000_000, backlog: 310, ..Snapshot::default() }
    }

    fn view_after(seconds: u64) -> View {
        let mut view = View::default();
        view.fact(at(0), &Event::PhaseStarted { phase: Phase::Copy });
        for second in 0..=seconds {
            view.snapshot(at(second), copying(second * 12_000));
        }
        view
    }

    #[test]
    fn a_block_says_all_that_matters() {
        assert_eq!(
            view_after(5).block(at(5)),
            ["copy 2%: 60,000 of ~3,000,000 rows, 12,000 rows/s, ETA measuring, backlog 310, running 5s"]
        );
        let mut view = view_after(90);
        view.fact(at(90), &Event::Throttled { reasons: vec!["replica lag 12.4s > 5s on db-2".into()] });
        assert_eq!(
            view.block(at(90)),
            [
                "copy 36%: 1,080,000 of ~3,000,000 rows, 12,000 rows/s, ETA 2m 40s, backlog 310, running 1m 30s",
                "waits: replica lag 12.4s > 5s on db-2"
            ]
        );
    }

    #[test]
    fn a_narrow_status_takes_more_lines() {
        let status = view_after(90).status(at(90), 36);
        assert_eq!(status.label, "copy");
        assert_eq!(
            status.details,
            ["1,080,000 of ~3,000,000 rows", "12,000 rows/s, ETA 2m 40s", "backlog 310, running 1m 30s"]
        );
    }

    #[test]
    fn only_the_end_is_all_of_it() {
        let mut view = view_after(1);
        view.snapshot(at(2), copying(3_100_000));
        assert_eq!(view.status(at(2), 0).share, Some(0.99));
    }

    #[test]
    fn a_phase_begins_with_its_own_numbers() {
        let mut view = view_after(20);
        view.fact(at(20), &Event::PhaseStarted { phase: Phase::Index });
        view.snapshot(at(21), copying(250_000));
        assert_eq!(view.block(at(25)), ["index: backlog 310, running 5s"]);
    }

    #[test]
    fn retries_are_told_now_and_then() {
        let mut view = View::default();
        let retry = |attempt| Event::Retry { what: "copying a chunk".into(), attempt, error: "ERROR 1213".into() };
        let mut told = Vec::new();
        for second in 0..25 {
            told.extend(view.fact(at(second), &retry(1)).map(|line| line.text));
        }
        assert_eq!(
            told,
            [
                "retry: copying a chunk, attempt 1: ERROR 1213",
                "retry: copying a chunk, attempt 1: ERROR 1213 (9 more since the last such line)",
                "retry: copying a chunk, attempt 1: ERROR 1213 (9 more since the last such line)",
            ]
        );
        assert_eq!(view.summary().retries, 25);
    }

    #[test]
    fn chunks_are_never_lines() {
        let mut view = View::default();
        assert_eq!(view.fact(at(0), &Event::ChunkCopied { rows: 5, took: at(1) }), None);
        assert_eq!(view.fact(at(0), &Event::BatchApplied { keys: 5, took: at(1) }), None);
    }

    #[test]
    fn the_end_of_an_untold_wait_is_not_told() {
        let mut view = View::default();
        let wait = Event::Throttled { reasons: vec!["Threads_running 50 > 40".into()] };
        let over = Event::Unthrottled { waited: at(1) };
        assert!(view.fact(at(0), &wait).is_some());
        assert_eq!(view.fact(at(1), &over).unwrap().text, "copy goes on after 1.0s");
        assert!(view.fact(at(2), &wait).is_none());
        assert!(view.fact(at(3), &over).is_none());
    }
}
