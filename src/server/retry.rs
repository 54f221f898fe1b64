//! One policy for statements that may be done again.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};

use super::{Disposition, ServerError, Session, server_failure};
use crate::error::Result;
use crate::event::{Event, Events};

/// Delays between tries: 10 ms doubling to 2 s with jitter, about a minute in all, which outlives a server restart and
/// any deadlock between our own sessions.
const TRIES: usize = 40;
/// For how long connecting is tried: a try alone may take ten seconds.
const CONNECTING: Duration = Duration::from_secs(60);
/// How often it is tried at least: a machine that stood still for a minute has used all of that for one try.
const CONNECTS: u32 = 6;

/// What has been tried for one piece of work.
pub struct Tries {
    what: String,
    attempt: u32,
    since: Instant,
    delays: backon::ExponentialBackoff,
}

/// Asks something that may have to wait for somebody who is just defining what is looked at, again and again.
pub async fn patiently<T>(
    what: &str,
    session: &mut Session,
    mut ask: impl AsyncFnMut(&mut Session) -> std::result::Result<T, ServerError>,
) -> Result<T> {
    let mut tries = Tries::of(what);
    loop {
        match ask(session).await {
            Ok(answer) => return Ok(answer),
            Err(error) => tries.recover_silently(session, error).await?,
        }
    }
}

impl Tries {
    /// Starts counting for a piece of work, named for people: `copying a chunk`.
    pub fn of(what: impl Into<String>) -> Tries {
        let delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(10))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(TRIES)
            .with_jitter()
            .build();
        Tries { what: what.into(), attempt: 0, since: Instant::now(), delays }
    }

    /// Waits until it is time to try to connect again, or says that there is no other try.
    pub async fn wait_to_connect(&mut self, error: ServerError) -> Result<()> {
        self.attempt += 1;
        let in_time = self.attempt < CONNECTS || self.since.elapsed() < CONNECTING;
        match self.delays.next() {
            Some(delay) if error.disposition() == Disposition::Reconnect && in_time => {
                tokio::time::sleep(delay).await;
                Ok(())
            }
            _ => Err(server_failure(&self.what, &error)),
        }
    }

    /// Makes the session fit for another try after an error and tells of it, or says that there is none.
    pub async fn recover(&mut self, session: &mut Session, error: ServerError, events: &Events) -> Result<()> {
        let (what, attempt, text) = (self.what.clone(), self.attempt + 1, error.to_string());
        if error.disposition_in_own_work() != Disposition::Fatal {
            events.emit(Event::Retry { what, attempt, error: text });
        }
        self.recover_silently(session, error).await
    }

    /// The same without telling.
    pub async fn recover_silently(&mut self, session: &mut Session, error: ServerError) -> Result<()> {
        let mut error = error;
        loop {
            let disposition = error.disposition_in_own_work();
            let delay = self.delays.next();
            let (Some(delay), true) = (delay, disposition != Disposition::Fatal) else {
                let _ = session.execute("ROLLBACK").await;
                return Err(server_failure(&self.what, &error));
            };
            self.attempt += 1;
            tokio::time::sleep(delay).await;
            let ready = match disposition {
                Disposition::Reconnect => session.reconnect().await,
                Disposition::Retry | Disposition::Fatal => session.execute("ROLLBACK").await.map(drop),
            };
            match ready {
                Ok(()) => return Ok(()),
                Err(next) => {
                    // Whatever keeps us from connecting again is waited out like a lost connection.
                    error = ServerError::Lost(next.to_string());
                }
            }
        }
    }
}
