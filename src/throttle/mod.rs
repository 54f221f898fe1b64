//! Holds the copy back while a signal is over its limit.
//!
//! Each signal is sampled on its own connection by one task; the copy only looks at the result. A signal that cannot
//! be sampled counts as over its limit: a replica that does not answer must not be run over.

mod replica_lag;
mod signal;
mod status_variable;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::event::{Event, Events};
use crate::server::Server;
use crate::settings::RunOptions;
use crate::tally::Tally;
pub use replica_lag::ReplicaLag;
pub use signal::{Reading, Signal};
pub use status_variable::StatusVariable;

/// How often signals are sampled; also how long the copy goes on after a limit is passed.
const SAMPLE_EVERY: Duration = Duration::from_millis(500);

/// The combined state of all signals.
#[derive(Debug)]
pub struct Throttle {
    state: Mutex<State>,
    changed: tokio::sync::Notify,
    events: Events,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct State {
    reasons: Vec<String>,
    since: Option<Instant>,
}

/// The task that samples. Ends when dropped.
#[derive(Debug)]
pub struct Sampler {
    done: CancellationToken,
    task: JoinHandle<()>,
}

impl Throttle {
    /// Connects what the options ask for, samples once, and keeps sampling.
    pub async fn start(
        server: &Arc<Server>,
        options: &RunOptions,
        events: &Events,
        tally: &Arc<Tally>,
    ) -> Result<(Arc<Throttle>, Sampler)> {
        Ok(Throttle::over(connect(server, options).await?, events, tally).await)
    }

    /// A throttle over given signals.
    pub async fn over(
        mut signals: Vec<Box<dyn Signal>>,
        events: &Events,
        tally: &Arc<Tally>,
    ) -> (Arc<Throttle>, Sampler) {
        let throttle = Arc::new(Throttle {
            state: Mutex::default(),
            changed: tokio::sync::Notify::new(),
            events: events.clone(),
            tally: Arc::clone(tally),
        });
        throttle.set(sample(&mut signals).await);
        let done = CancellationToken::new();
        let task = tokio::spawn(keep_sampling(Arc::clone(&throttle), signals, done.clone()));
        (throttle, Sampler { done, task })
    }

    /// Waits until no signal is over its limit; false when `stop` came first.
    pub async fn clear(&self, stop: &CancellationToken) -> bool {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.state.lock().expect("no panic while held").reasons.is_empty() {
                return true;
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = changed => {}
            }
        }
    }

    fn set(&self, reasons: Vec<String>) {
        let mut state = self.state.lock().expect("no panic while held");
        if reasons.is_empty() {
            if let Some(since) = state.since.take() {
                self.events.emit(Event::Unthrottled { waited: since.elapsed() });
            }
        } else {
            // Values change with every sample; that another limit is over as well is news.
            if state.since.is_none() || reasons.len() > state.reasons.len() {
                state.since.get_or_insert_with(Instant::now);
                self.events.emit(Event::Throttled { reasons: reasons.clone() });
            }
        }
        self.tally.set_waiting_for(reasons.clone());
        self.events.offer(self.tally.snapshot());
        state.reasons = reasons;
        drop(state);
        self.changed.notify_waiters();
    }
}

impl Sampler {
    /// Stops sampling and closes its connections.
    pub async fn stop(self) {
        self.done.cancel();
        let _ = self.task.await;
    }
}

/// Refuses limits that cannot be measured, before anything is touched.
pub async fn check(server: &Arc<Server>, options: &RunOptions) -> Result<()> {
    connect(server, options).await.map(drop)
}

async fn connect(server: &Arc<Server>, options: &RunOptions) -> Result<Vec<Box<dyn Signal>>> {
    let mut signals: Vec<Box<dyn Signal>> = Vec::new();
    for replica in &options.replicas {
        signals.push(Box::new(ReplicaLag::connect(replica.clone(), options.max_lag).await?));
    }
    for limit in &options.max_load {
        signals.push(Box::new(StatusVariable::connect(server, limit.clone()).await?));
    }
    Ok(signals)
}

async fn keep_sampling(throttle: Arc<Throttle>, mut signals: Vec<Box<dyn Signal>>, done: CancellationToken) {
    if signals.is_empty() {
        return;
    }
    loop {
        tokio::select! {
            () = done.cancelled() => break,
            () = tokio::time::sleep(SAMPLE_EVERY) => throttle.set(sample(&mut signals).await),
        }
    }
}

async fn sample(signals: &mut [Box<dyn Signal>]) -> Vec<String> {
    let mut reasons = Vec::new();
    for signal in signals {
        match signal.sample().await {
            Reading::Within => {}
            Reading::Over(reason) => reasons.push(reason),
        }
    }
    reasons
}
