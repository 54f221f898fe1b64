//! The epoch rule: a batch of the change log is applied only after every chunk that was in flight when the batch was
//! read has ended.
//!
//! A chunk reads the original without locks. It may have read a row just before its DELETE and insert it after the
//! applier has removed it; without this rule that row would be back for good.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

/// Which chunks are in flight.
#[derive(Debug, Default)]
pub struct InFlight {
    chunks: Mutex<Chunks>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Chunks {
    next: u64,
    active: BTreeSet<u64>,
}

/// A chunk in flight. Dropped only when the server has committed its statement, or is known to have forgotten it.
#[derive(Debug)]
pub struct Ticket {
    registry: Arc<InFlight>,
    number: u64,
}

impl InFlight {
    /// Registers a chunk; call it before its statement is sent.
    pub fn enter(self: &Arc<InFlight>) -> Ticket {
        let mut chunks = self.chunks.lock().expect("no panic while held");
        let number = chunks.next;
        chunks.next += 1;
        chunks.active.insert(number);
        Ticket { registry: Arc::clone(self), number }
    }

    /// Waits until every chunk that is in flight at this call has ended. Chunks that enter later are not waited for.
    pub async fn quiesced(&self) {
        let newest = self.chunks.lock().expect("no panic while held").next;
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Registered before the look, so that an end between look and wait is not missed.
            ended.as_mut().enable();
            let oldest = self.chunks.lock().expect("no panic while held").active.first().copied();
            if oldest.is_none_or(|oldest| oldest >= newest) {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.registry.chunks.lock().expect("no panic while held").active.remove(&self.number);
        self.registry.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn is_waiting(registry: &Arc<InFlight>) -> bool {
        tokio::time::timeout(Duration::from_millis(20), registry.quiesced()).await.is_err()
    }

    #[tokio::test]
    async fn waits_for_chunks_that_were_in_flight_and_not_for_later_ones() {
        let registry = Arc::new(InFlight::default());
        assert!(!is_waiting(&registry).await);
        let first = registry.enter();
        assert!(is_waiting(&registry).await);
        let waiter = tokio::spawn({
            let registry = Arc::clone(&registry);
            async move { registry.quiesced().await }
        });
        tokio::task::yield_now().await;
        let later = registry.enter();
        drop(first);
        waiter.await.unwrap();
        assert!(is_waiting(&registry).await);
        drop(later);
        assert!(!is_waiting(&registry).await);
    }
}
