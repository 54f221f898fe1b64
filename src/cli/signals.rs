//! SIGINT and SIGTERM: the first one stops at a safe point, the second one at once.
//!
//! SIGHUP keeps its meaning, so that `nohup` does; a run that it ends is as resumable as after a crash.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::{Failure, Stop};
use crate::event::Events;

/// Both signals, caught from the moment of installing.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to catch; inside a runtime.
    pub fn install() -> io::Result<Signals> {
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Cancels `stop` at the first signal, notes which it was in `first`, and returns at the second.
    pub async fn watch(mut self, first: &mut Option<Stop>, stop: &CancellationToken, events: &Events) {
        *first = Some(self.next().await);
        events.notice("stopping at a safe point; again to quit at once");
        stop.cancel();
        self.next().await;
    }

    async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupted,
            _ = self.terminate.recv() => Stop::Terminated,
        }
    }
}

/// The failure of a run that was left in the middle of whatever it did.
pub fn quit(signal: Stop, table: &str, way_on: Option<&str>) -> Failure {
    let resume = match way_on {
        Some(command) => format!(", then {command}"),
        None if table.is_empty() => String::new(),
        None => format!(", then `replank resume {table}`"),
    };
    Failure::new(signal, "quit at once, before a safe point")
        .table("not looked at; statements that were sent may still run")
        .next(format!("`replank status`{resume}"))
}
