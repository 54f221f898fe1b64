//! A control: how long the machine's own disk makes a write wait, whoever asks.
//!
//! Every write of the application waits for a flush; on a machine whose disk stands still for a minute, so does every
//! write, and no lock of ours has to do with it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;

/// Flushes a small file again and again until it is stopped.
#[derive(Debug)]
pub struct Disk {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Duration>>>,
}

impl Disk {
    pub fn watch() -> Result<Disk> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut file = tempfile::tempfile()?;
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let mut longest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    file.write_all(b"replank")?;
                    file.sync_data()?;
                    longest = longest.max(began.elapsed());
                    thread::sleep(Duration::from_millis(200));
                }
                Ok(longest)
            }
        });
        Ok(Disk { stop, thread: Some(thread) })
    }

    /// The longest that one flush took.
    pub fn longest_flush(mut self) -> Result<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("taken only here");
        thread.join().expect("it does not panic")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
