//! An application that writes while a table is changed, and knows afterwards what it was told had been written.
//!
//! Each connection owns a disjoint part of the keys, so it alone decides what its rows contain. It keeps a ledger of
//! what the server acknowledged, and every later read of those rows is checked against it. Half of the connections
//! use prepared statements, half send text.

mod choice;
mod disk;
mod ledger;
mod record;
mod shape;
mod statement;
pub mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio::time::sleep;

pub use ledger::{Expected, Ledger, Seeds, Verdict};
pub use record::{Failed, RETRYABLE, Record, Span};
pub use shape::{Cell, Column, Fill, Key, KeyNumber, Mapping, Row, Shape};

use super::Server;
use disk::Disk;
use writer::Writer;

/// How an application of many connections behaves.
#[derive(Debug, Clone)]
pub struct Plan {
    pub connections: u64,
    pub pace: Pace,
    /// Share of operations that are transactions of several statements in REPEATABLE READ, on connections that use
    /// prepared statements and on those that send text.
    pub transactions: Transactions,
    /// Everything random follows from this.
    pub seed: u64,
}

#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Operations a second of each connection.
    Fixed(u32),
    /// As many as the server takes.
    Saturating,
}

#[derive(Debug, Clone, Copy)]
pub struct Transactions {
    pub prepared: f64,
    pub text: f64,
}

impl Plan {
    /// Eight connections: four with single prepared statements, four with transactions.
    pub fn saturating(seed: u64) -> Plan {
        Plan { connections: 8, pace: Pace::Saturating, transactions: Transactions { prepared: 0.0, text: 1.0 }, seed }
    }

    /// The same as a busy application has it: with pauses, so that locks can be got and stalls are the tool's.
    pub fn steady(seed: u64, operations_per_second: u32) -> Plan {
        Plan { pace: Pace::Fixed(operations_per_second), ..Plan::saturating(seed) }
    }
}

/// The application while it runs.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Result<Writer>>>,
    started: Instant,
    shape: Arc<Shape>,
    seeds: Arc<Seeds>,
    disk: Option<Disk>,
}

impl Load {
    /// Reads what the table holds, then begins to write. `mapping` names the columns whose contents are to be
    /// followed through the change.
    pub async fn start(server: &Server, schema: &str, shape: Shape, mapping: Mapping, plan: &Plan) -> Result<Load> {
        let shape = Arc::new(shape);
        let seeds = Arc::new(Seeds::read(&mut server.connect(schema).await?, &shape, mapping).await?);
        let stop = Arc::new(AtomicBool::new(false));
        let started = Instant::now();
        let mut writers = Vec::new();
        for lane in 0..plan.connections {
            let writer = Writer::connect(server, schema, &shape, &seeds, plan, lane).await?;
            writers.push(tokio::spawn(writer.run(Arc::clone(&stop))));
        }
        Ok(Load { stop, writers, started, shape, seeds, disk: Some(Disk::watch()?) })
    }

    /// Lets it write for a while, and gives the span of time it was.
    pub async fn during(&self, time: Duration) -> Span {
        let from = Instant::now();
        sleep(time).await;
        Span { from, to: Instant::now() }
    }

    /// Lets every connection finish what it is doing.
    pub async fn stop(mut self) -> Result<Written> {
        self.stop.store(true, Ordering::Relaxed);
        let mut ledger = Ledger::new(Arc::clone(&self.shape), Arc::clone(&self.seeds));
        let mut record = Record::default();
        for writer in self.writers.drain(..) {
            let writer = writer.await??;
            ledger.merge(writer.ledger);
            record.merge(writer.record);
        }
        let longest_flush = self.disk.take().map_or(Ok(Duration::ZERO), Disk::longest_flush)?;
        Ok(Written { ledger, record, started: self.started, longest_flush })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // A test that fails half-way must not leave writers behind that hold its schema.
        for writer in &self.writers {
            writer.abort();
        }
    }
}

/// What an application did and saw.
#[derive(Debug)]
pub struct Written {
    pub ledger: Ledger,
    pub record: Record,
    pub started: Instant,
    /// The longest that the machine's own disk took for a flush meanwhile.
    pub longest_flush: Duration,
}
