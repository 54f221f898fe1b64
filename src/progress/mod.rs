//! The render thread: the only owner of the terminal, and of standard output in JSON, while a change runs.
//!
//! It is a plain thread because drawing blocks, and because it waits for facts, numbers, time and the end at once.
//! A slow or closed terminal can delay this thread but never the change: the engine's channels do not wait.

mod json;
mod limiter;
mod log;
mod pace;
pub mod summary;
mod terminal;
pub mod view;
pub mod wording;

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select, tick};

use crate::event::{Event, EventStream};
use summary::Summary;
use view::View;

/// Time between two looks at the status.
const TICK: Duration = Duration::from_millis(100);
/// How long the end waits for the last lines to be written; a reader that hangs must not keep the process.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// Bars on standard error.
    Terminal,
    /// Lines on standard error.
    Log,
    /// One JSON object a line on standard output.
    Json,
    /// Nothing.
    Quiet,
}

/// Where a run is shown. None of it can fail: a reader that went away must not stop a change.
trait Screen {
    /// Shows a fact. The view has taken it already.
    fn fact(&mut self, now: Duration, event: &Event, view: &View, line: Option<view::Line>);
    /// Shows how things are.
    fn status(&mut self, now: Duration, view: &View);
    /// Leaves the screen in order.
    fn end(&mut self, now: Duration, view: &View);
}

/// The running render thread.
#[derive(Debug)]
pub struct Progress {
    stop: Sender<()>,
    summary: Receiver<Summary>,
}

impl Progress {
    /// Begins to show a run.
    pub fn start(events: EventStream, display: Display) -> io::Result<Progress> {
        let (stop, stopped) = bounded(1);
        let (tell, summary) = bounded(1);
        thread::Builder::new().name("progress".to_owned()).spawn(move || {
            let _ = tell.send(show(events, &stopped, screen(display).as_mut()));
        })?;
        Ok(Progress { stop, summary })
    }

    /// Shows what is left, clears the screen and returns what the run has done.
    pub fn finish(self) -> Summary {
        drop(self.stop);
        self.summary.recv_timeout(LAST_WORDS).unwrap_or_default()
    }
}

fn screen(display: Display) -> Box<dyn Screen> {
    match display {
        Display::Terminal => Box::new(terminal::Terminal::new()),
        Display::Log => Box::new(log::Log::new(Lines::new(io::stderr()), Lines::new(io::stdout()))),
        Display::Json => Box::new(json::Json::new(Lines::new(io::stdout()))),
        Display::Quiet => Box::new(Nothing),
    }
}

fn show(events: EventStream, stopped: &Receiver<()>, screen: &mut dyn Screen) -> Summary {
    let start = Instant::now();
    let mut view = View::default();
    let EventStream { mut facts, mut snapshots } = events;
    let ticks = tick(TICK);
    loop {
        select! {
            recv(facts) -> fact => match fact {
                Ok(event) => tell(screen, &mut view, start.elapsed(), &event),
                Err(_) => facts = never(),
            },
            recv(snapshots) -> snapshot => match snapshot {
                Ok(snapshot) => view.snapshot(start.elapsed(), snapshot),
                Err(_) => snapshots = never(),
            },
            recv(ticks) -> _ => screen.status(start.elapsed(), &view),
            recv(stopped) -> _ => break,
        }
    }
    // The engine has returned, so what it told is in the channels; tasks it left behind are not waited for.
    for event in facts.try_iter() {
        tell(screen, &mut view, start.elapsed(), &event);
    }
    if let Some(snapshot) = snapshots.try_iter().last() {
        view.snapshot(start.elapsed(), snapshot);
    }
    screen.end(start.elapsed(), &view);
    view.summary().clone()
}

fn tell(screen: &mut dyn Screen, view: &mut View, now: Duration, event: &Event) {
    let line = view.fact(now, event);
    screen.fact(now, event, view, line);
}

/// The screen of `--quiet`.
struct Nothing;

impl Screen for Nothing {
    fn fact(&mut self, _now: Duration, _event: &Event, _view: &View, _line: Option<view::Line>) {}
    fn status(&mut self, _now: Duration, _view: &View) {}
    fn end(&mut self, _now: Duration, _view: &View) {}
}

/// Writes whole lines until the reader goes away, and from then on nothing.
struct Lines<W> {
    writer: Option<W>,
}

impl<W: Write> Lines<W> {
    fn new(writer: W) -> Lines<W> {
        Lines { writer: Some(writer) }
    }

    fn write(&mut self, line: &str) {
        let Some(writer) = &mut self.writer else { return };
        // One write call a line, so that lines of other writers do not end up inside it.
        let written = writer.write_all(format!("{line}\n").as_bytes()).and_then(|()| writer.flush());
        if written.is_err() {
            self.writer = None;
        }
    }
}

/// Now, as every machine reads it.
fn timestamp() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::channel;

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_stops_nothing() {
        let mut log = log::Log::new(Lines::new(Gone), Lines::new(Gone));
        let mut view = View::default();
        for _ in 0..3 {
            tell(&mut log, &mut view, Duration::ZERO, &Event::Notice { text: "hello".to_owned() });
        }
        log.end(Duration::ZERO, &view);
    }

    #[test]
    fn facts_told_before_the_end_are_in_the_summary() {
        let (events, stream) = channel();
        let progress = Progress::start(stream, Display::Quiet).unwrap();
        for _ in 0..1_000 {
            events.emit(Event::Retry { what: "x".into(), attempt: 1, error: "y".into() });
        }
        // The engine's end is still alive here, as it is when a task outlives the run.
        assert_eq!(progress.finish().retries, 1_000);
    }
}
