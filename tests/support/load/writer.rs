//! One connection of the application: sends operations, tries again after deadlocks, keeps its ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::super::Server;
use super::choice::Choices;
use super::ledger::{Ledger, Seeds};
use super::record::{Failed, Record};
use super::shape::{Cell, KeyNumber, Row, Shape};
use super::statement::{Protocol, Statement};
use super::{Pace, Plan};

/// A statement, and what the table contains once it is committed.
#[derive(Debug)]
pub struct Step {
    pub what: &'static str,
    pub statement: Statement,
    pub changes: Vec<(KeyNumber, Option<Row>)>,
    /// A row whose key the server chooses.
    pub numbered: Option<Row>,
}

/// What is sent as one unit.
#[derive(Debug)]
struct Operation {
    steps: Vec<Step>,
    /// Rows of ours to read first, when this is a transaction.
    transaction: Option<Vec<Row>>,
    rolls_back: bool,
}

/// How an attempt ended for which the server has an answer.
enum Ended {
    /// With the keys that the server chose, in the order of the steps that asked for one.
    Committed(Vec<KeyNumber>),
    RolledBack,
}

/// Where an attempt failed.
struct Failure {
    what: &'static str,
    error: Error,
    /// Whether the server may have committed it nevertheless, should the connection be lost.
    may_be_committed: bool,
}

#[derive(Debug)]
pub struct Writer {
    server: Server,
    schema: String,
    shape: Arc<Shape>,
    conn: Option<Conn>,
    protocol: Protocol,
    pace: Pace,
    transactions: f64,
    choices: Choices,
    random: ChaCha8Rng,
    pub ledger: Ledger,
    pub record: Record,
}

/// After this many deadlocks in a row an application gives up, and a test should hear of it.
const TRIES: u32 = 50;

impl Writer {
    pub async fn connect(
        server: &Server,
        schema: &str,
        shape: &Arc<Shape>,
        seeds: &Arc<Seeds>,
        plan: &Plan,
        lane: u64,
    ) -> Result<Writer> {
        let prepared = lane.is_multiple_of(2);
        let mut writer = Writer {
            server: server.clone(),
            schema: schema.to_owned(),
            shape: Arc::clone(shape),
            conn: None,
            protocol: if prepared { Protocol::Prepared } else { Protocol::Text },
            pace: plan.pace,
            transactions: if prepared { plan.transactions.prepared } else { plan.transactions.text },
            choices: Choices::new(lane, plan.connections, seeds.numbers()),
            random: ChaCha8Rng::seed_from_u64(plan.seed.wrapping_mul(1_000_003).wrapping_add(lane)),
            ledger: Ledger::new(Arc::clone(shape), Arc::clone(seeds)),
            record: Record::default(),
        };
        writer.conn = Some(writer.open().await?);
        Ok(writer)
    }

    async fn open(&self) -> Result<Conn> {
        let mut conn = self.server.connect(&self.schema).await?;
        // Applications have the server's own patience with table locks.
        conn.query_drop("SET SESSION lock_wait_timeout = DEFAULT").await?;
        conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        Ok(conn)
    }

    /// Writes until it is told to stop.
    pub async fn run(mut self, stop: Arc<AtomicBool>) -> Result<Writer> {
        let mut pace = match self.pace {
            Pace::Saturating => None,
            Pace::Fixed(per_second) => {
                // Not all connections at the same moment.
                sleep(Duration::from_millis(self.random.random_range(0..1000 / u64::from(per_second).max(1)))).await;
                let mut pace = interval(Duration::from_secs(1) / per_second);
                pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
                Some(pace)
            }
        };
        while !stop.load(Ordering::Relaxed) {
            if let Some(pace) = &mut pace {
                pace.tick().await;
            }
            let operation = self.next_operation().await?;
            self.perform(operation, &stop).await?;
        }
        if let Some(conn) = self.conn.take() {
            conn.disconnect().await?;
        }
        Ok(self)
    }

    async fn next_operation(&mut self) -> Result<Operation> {
        let is_transaction = self.random.random_bool(self.transactions);
        let steps_wanted = if is_transaction { self.random.random_range(2..=4) } else { 1 };
        self.choices.begin_operation();
        let mut to_read = Vec::new();
        if is_transaction {
            for _ in 0..2 {
                to_read.extend(self.existing().await?.map(|(_, row)| row));
            }
        }
        let mut steps = Vec::new();
        while steps.len() < steps_wanted {
            if let Some(step) = self.next_step().await? {
                steps.push(step);
            }
        }
        let rolls_back = is_transaction && self.random.random_bool(0.1);
        Ok(Operation { steps, transaction: is_transaction.then_some(to_read), rolls_back })
    }

    /// A row of ours that is there, with its contents: known, or read now for the first time.
    async fn existing(&mut self) -> Result<Option<(KeyNumber, Row)>> {
        let Some(number) = self.choices.existing(&self.ledger, &mut self.random) else {
            return Ok(None);
        };
        if let Some(row) = self.ledger.get(number).and_then(|expected| expected.row()) {
            return Ok(Some((number, row.clone())));
        }
        let key = self.shape.key.cells(number, 0);
        let Some(row) = self.read(&key, false).await? else {
            self.record.surprises.push(format!("{number}, never written, cannot be read"));
            self.ledger.know(number, None, "a first read");
            return Ok(None);
        };
        if self.ledger.seeds.fingerprint(number) != Some(self.ledger.seeds.fingerprint_of(&row)) {
            self.record.surprises.push(format!("{number}, never written, reads {row:?}"));
        }
        self.ledger.know(number, Some(row.clone()), "a first read");
        Ok(Some((number, row)))
    }

    /// Reads a row outside of any operation; after a lost connection again.
    async fn read(&mut self, key: &[Cell], locked: bool) -> Result<Option<Row>> {
        let statement = self.shape.select(key, locked);
        for _ in 0..TRIES {
            let Some(conn) = &mut self.conn else {
                self.conn = Some(self.open().await?);
                continue;
            };
            match statement.rows(conn, self.protocol).await {
                Ok(rows) => return Ok(rows.into_iter().next().map(|row| self.row(row))),
                Err(error) => self.failed("a read", &error, true, false),
            }
            sleep(Duration::from_millis(10)).await;
        }
        bail!("a row could not be read in {TRIES} tries")
    }

    fn row(&self, row: mysql_async::Row) -> Row {
        let mut cells: Vec<Cell> = row.unwrap().into_iter().map(Cell::from_value).collect();
        let payload = cells.split_off(self.shape.key.columns().len());
        Row { key: cells, payload }
    }

    async fn next_step(&mut self) -> Result<Option<Step>> {
        let kind = self.random.random_range(0..100);
        let existing = match kind {
            0..30 | 90.. => None,
            _ => match self.existing().await? {
                Some(existing) => Some(existing),
                None => return Ok(None),
            },
        };
        let another = match kind {
            55..62 | 87..90 => self.existing().await?,
            _ => None,
        };
        let shape = Arc::clone(&self.shape);
        let mut draw = super::choice::Draw {
            shape: &shape,
            ledger: &self.ledger,
            choices: &mut self.choices,
            random: &mut self.random,
        };
        Ok(match (kind, existing) {
            (0..25, _) => draw.insert(1),
            (25..30, _) => draw.insert(3),
            (30..55, Some((number, row))) => draw.update(number, row),
            (55..62, Some(first)) => draw.update_column(first, another),
            (62..75, Some((number, row))) => draw.move_key(number, row),
            (75..90, Some(first)) => Some(draw.delete(first, another)),
            (90..97, _) => draw.upsert(),
            _ => draw.replace(),
        })
    }

    /// Sends an operation until the server has answered it.
    async fn perform(&mut self, operation: Operation, stop: &AtomicBool) -> Result<()> {
        let began = Instant::now();
        for _ in 0..TRIES {
            let Some(mut conn) = self.conn.take() else {
                match self.open().await {
                    Ok(conn) => self.conn = Some(conn),
                    // The server is away; come back until told to stop.
                    Err(_) if stop.load(Ordering::Relaxed) => return Ok(()),
                    Err(_) => sleep(Duration::from_millis(100)).await,
                }
                continue;
            };
            match self.attempt(&mut conn, &operation).await {
                Ok(ended) => {
                    self.conn = Some(conn);
                    if let Ended::Committed(numbers) = ended {
                        self.record.write(began);
                        self.acknowledge(operation, numbers);
                    }
                    return Ok(());
                }
                Err(Failure { what, error: error @ Error::Server(_), .. }) => {
                    let again = matches!(&error, Error::Server(server) if matches!(server.code, 1213 | 1205 | 1020));
                    let self_inflicted = is_self_inflicted(&mut conn, &error).await;
                    self.failed(what, &error, again, self_inflicted);
                    // A connection that cannot even roll back is replaced.
                    if operation.transaction.is_none() || conn.query_drop("ROLLBACK").await.is_ok() {
                        self.conn = Some(conn);
                    }
                    if !again {
                        return Ok(());
                    }
                    sleep(Duration::from_millis(self.random.random_range(1..10))).await;
                }
                Err(Failure { what, error, may_be_committed }) => {
                    self.failed(what, &error, !may_be_committed, false);
                    if may_be_committed {
                        self.lose(operation);
                        return Ok(());
                    }
                }
            }
        }
        let last = self.record.errors.last().map_or("nothing", |error| error.message.as_str());
        bail!("an operation was not done in {TRIES} tries, the last of which gave: {last}")
    }

    async fn attempt(&mut self, conn: &mut Conn, operation: &Operation) -> Result<Ended, Failure> {
        let at = |what, may_be_committed| move |error| Failure { what, error, may_be_committed };
        let in_transaction = operation.transaction.is_some();
        if let Some(rows) = &operation.transaction {
            conn.query_drop("START TRANSACTION").await.map_err(at("START TRANSACTION", false))?;
            for (index, expected) in rows.iter().enumerate() {
                // The page takes the read view; the locking read comes after it, as it does in an application.
                if index == 0 {
                    let page = self.shape.select_page(&expected.key[0]);
                    page.rows(conn, self.protocol).await.map_err(at("a page", false))?;
                }
                let locked = index == 1;
                let rows = self.shape.select(&expected.key, locked).rows(conn, self.protocol).await;
                let found = rows.map_err(at("a read", false))?.into_iter().next().map(|row| self.row(row));
                if !found.as_ref().is_some_and(|row| row.same_as(expected)) {
                    self.record.surprises.push(format!("read {found:?} instead of {expected:?}"));
                }
            }
            if self.random.random_bool(0.2) {
                sleep(Duration::from_millis(self.random.random_range(1..4))).await;
            }
        }
        let mut numbers = Vec::new();
        for step in &operation.steps {
            step.statement.send(conn, self.protocol).await.map_err(at(step.what, !in_transaction))?;
            if step.statement.finds.is_some_and(|rows| rows != conn.affected_rows()) {
                self.record.surprises.push(format!("{} found {} rows: {step:?}", step.what, conn.affected_rows()));
            }
            if step.numbered.is_some() {
                numbers.push(conn.last_insert_id().unwrap_or(0));
            }
        }
        if operation.rolls_back {
            conn.query_drop("ROLLBACK").await.map_err(at("ROLLBACK", false))?;
            return Ok(Ended::RolledBack);
        }
        if in_transaction {
            conn.query_drop("COMMIT").await.map_err(at("COMMIT", true))?;
        }
        Ok(Ended::Committed(numbers))
    }

    fn acknowledge(&mut self, operation: Operation, numbers: Vec<KeyNumber>) {
        let mut numbers = numbers.into_iter();
        for step in operation.steps {
            for (number, row) in step.changes {
                self.choices.wrote(number);
                self.ledger.acknowledge(number, row, step.what);
            }
            if let Some((row, number)) = step.numbered.and_then(|row| Some((row, numbers.next()?))) {
                let key = self.shape.key.cells(number, 0);
                self.choices.was_given(number);
                self.ledger.acknowledge(number, Some(Row { key, ..row }), step.what);
            }
        }
    }

    fn lose(&mut self, operation: Operation) {
        for step in operation.steps {
            for (number, after) in step.changes {
                let before = self.ledger.get(number).and_then(|expected| expected.row().cloned());
                self.ledger.lose(number, before, after, step.what);
            }
            if let Some(row) = step.numbered {
                self.ledger.lose_numbered(row);
            }
        }
    }

    fn failed(&mut self, what: &'static str, error: &Error, retried: bool, self_inflicted: bool) {
        let code = match error {
            Error::Server(server) => server.code,
            _ => 0,
        };
        if code == 0 {
            self.conn = None;
        }
        self.record.errors.push(Failed {
            at: Instant::now(),
            code,
            message: error.to_string(),
            what,
            retried,
            self_inflicted,
        });
    }
}

/// Whether a deadlock was one between sessions of the application alone, from InnoDB's report of its last one. A
/// deadlock on metadata locks is not in that report, so it is never taken for one.
pub async fn is_self_inflicted(conn: &mut Conn, error: &Error) -> bool {
    if !matches!(error, Error::Server(server) if server.code == 1213) {
        return false;
    }
    let status: Result<Option<(String, String, String)>, Error> = conn.query_first("SHOW ENGINE INNODB STATUS").await;
    let Ok(Some((_, _, status))) = status else { return false };
    let Some((_, report)) = status.split_once("LATEST DETECTED DEADLOCK") else { return false };
    let report = report.split("\nTRANSACTIONS\n").next().unwrap_or(report);
    let ours = report.contains("__rpk_") || report.contains("replank run");
    report.contains(&format!("thread id {},", conn.id())) && !ours
}
