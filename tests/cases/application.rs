//! The application of a case: connections that run its blocks over and over, and keep a journal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use mysql_async::Conn;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::case::{Block, Case};
use super::journal::{Act, Entry, Journal, When, connect, counter, definition, send};
use super::support::load::{Failed, RETRYABLE, Record};
use super::support::{Scenario, Server};
use super::template::fill;

/// Connections that take turns; one more has the blocks that are held.
const WRITERS: usize = 3;
/// Between two blocks of a connection: some hundred blocks in the time that a case takes.
const PAUSE: Duration = Duration::from_millis(8);

#[derive(Debug)]
pub struct Application {
    shared: Arc<Shared>,
    stop: CancellationToken,
    writers: JoinSet<Result<Record>>,
}

#[derive(Debug)]
struct Shared {
    case: Case,
    server: Server,
    schema: String,
    /// The table's definition before the change.
    original: String,
    journal: Mutex<Journal>,
}

/// What each connection sets, the one of held blocks last.
pub fn sessions(case: &Case) -> Vec<String> {
    let of = |writer: usize| match case.expect.sessions.len() {
        0 => String::new(),
        count => case.expect.sessions[writer % count].clone(),
    };
    (0..=WRITERS).map(of).collect()
}

impl Application {
    pub async fn start(case: &Case, scenario: &Scenario, original: String) -> Result<Application> {
        let shared = Arc::new(Shared {
            case: case.clone(),
            server: scenario.server.clone(),
            schema: scenario.schema.clone(),
            original,
            journal: Mutex::new(Journal::default()),
        });
        let stop = CancellationToken::new();
        let mut writers = JoinSet::new();
        for writer in 0..=WRITERS {
            let held = writer == WRITERS;
            if shared.blocks(held, false).is_empty() && shared.blocks(held, true).is_empty() {
                continue;
            }
            let conn = shared.connect(writer).await?;
            let random = ChaCha8Rng::seed_from_u64(writer as u64 + 1);
            let writer = Writer { shared: Arc::clone(&shared), writer, conn, random, next: writer };
            writers.spawn(writer.run(held, stop.clone()));
        }
        Ok(Application { shared, stop, writers })
    }

    /// Waits until that many more blocks were begun.
    pub async fn goes_on(&self, blocks: u64) -> Result<()> {
        let from = self.shared.journal.lock().await.blocks;
        let done = async {
            while self.shared.journal.lock().await.blocks < from + blocks && !self.stop.is_cancelled() {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), done).await.context("the application does not go on")
    }

    /// Writes what a case has for the time of the copy.
    pub async fn write_during(&self) -> Result<()> {
        let mut journal = self.shared.journal.lock().await;
        let mut conn = self.shared.connect(WRITERS).await?;
        for block in &self.shared.case.during {
            send(&mut conn, &block.statements).await?;
            let act = Act::Done(block.statements.clone());
            journal.entries.push(Entry { writer: WRITERS, when: When::Before, act });
        }
        Ok(conn.disconnect().await?)
    }

    pub async fn stop(mut self) -> Result<(Journal, Record)> {
        self.stop.cancel();
        let mut record = Record::default();
        while let Some(ended) = self.writers.join_next().await {
            record.merge(ended??);
        }
        let shared = Arc::into_inner(self.shared).context("a writer is left")?;
        Ok((shared.journal.into_inner(), record))
    }
}

impl Shared {
    async fn connect(&self, writer: usize) -> Result<Conn> {
        connect(&self.server, &self.schema, &sessions(&self.case)[writer]).await
    }

    /// The blocks of a kind of writer, before or after the change.
    fn blocks(&self, held: bool, changed: bool) -> Vec<&Block> {
        let Case { before, after, .. } = &self.case;
        let blocks = if changed && !after.is_empty() { after } else { before };
        blocks.iter().filter(|block| block.held == held).collect()
    }

    async fn is_changed(&self, conn: &mut Conn) -> Result<bool> {
        Ok(definition(conn, &self.case.expect.table).await? != self.original)
    }
}

struct Writer {
    shared: Arc<Shared>,
    writer: usize,
    conn: Conn,
    random: ChaCha8Rng,
    /// Which block is next.
    next: usize,
}

impl Writer {
    async fn run(mut self, held: bool, stop: CancellationToken) -> Result<Record> {
        let _stop_all_on_error = stop.clone().drop_guard();
        let mut record = Record::default();
        while !stop.is_cancelled() {
            match held {
                true => self.hold(&mut record).await?,
                false => self.write(&mut record).await?,
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.conn.disconnect().await?;
        Ok(record)
    }

    fn block(&mut self, held: bool, changed: bool, n: u64) -> Option<Vec<String>> {
        let shared = Arc::clone(&self.shared);
        let blocks = shared.blocks(held, changed);
        let block = blocks.get(self.next % blocks.len().max(1))?;
        self.next += 1;
        Some(fill(&block.statements, n, &mut self.random))
    }

    /// A block whose place in the order is known, because no other writer does anything meanwhile.
    async fn write(&mut self, record: &mut Record) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let mut journal = shared.journal.lock().await;
        journal.blocks += 1;
        let was_changed = journal.changed;
        let Some(statements) = self.block(false, was_changed, journal.blocks) else { return Ok(()) };
        let since = Instant::now();
        let sent = send(&mut self.conn, &statements).await;
        if let Err(error) = sent {
            let act = self.failed(error, &statements, was_changed, record).await?;
            journal.changed |= shared.is_changed(&mut self.conn).await?;
            let when = if journal.changed { When::After } else { When::Before };
            journal.entries.extend(act.map(|act| Entry { writer: self.writer, when, act }));
            return Ok(());
        }
        record.write(since);
        let is_changed = was_changed || shared.is_changed(&mut self.conn).await?;
        let when = match (was_changed, is_changed) {
            (true, _) => When::After,
            (false, false) => When::Before,
            (false, true) => When::Unclear,
        };
        journal.changed = is_changed;
        journal.entries.push(Entry { writer: self.writer, when, act: Act::Done(statements) });
        Ok(())
    }

    /// A transaction that others write beside. It holds the table's definition from its first statement on.
    async fn hold(&mut self, record: &mut Record) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let (changed, n) = {
            let mut journal = shared.journal.lock().await;
            journal.blocks += 1;
            (journal.changed, journal.blocks)
        };
        let Some(statements) = self.block(true, changed, n) else { return Ok(()) };
        let (last, others) = statements.split_last().context("a held block has a COMMIT")?;
        // An XA transaction that has come to its end lets its connection ask for nothing.
        let mut look = shared.connect(WRITERS).await?;
        let since = Instant::now();
        let sent = async {
            send(&mut self.conn, others).await?;
            let is_changed = shared.is_changed(&mut look).await.map_err(other_error)?;
            send(&mut self.conn, std::slice::from_ref(last)).await?;
            Ok(is_changed)
        };
        let sent = sent.await;
        look.disconnect().await?;
        match sent {
            Ok(is_changed) => {
                record.write(since);
                let mut journal = shared.journal.lock().await;
                let when = if is_changed { When::After } else { When::Before };
                journal.changed |= is_changed;
                journal.entries.push(Entry { writer: self.writer, when, act: Act::Done(statements) });
            }
            Err(error) => {
                self.failed(error, &statements, changed, record).await?;
            }
        }
        Ok(())
    }

    /// An error of the server: rolled back, with the connection, and noted unless it says that the table has changed.
    async fn failed(
        &mut self,
        error: mysql_async::Error,
        statements: &[String],
        was_changed: bool,
        record: &mut Record,
    ) -> Result<Option<Act>> {
        let at = Instant::now();
        let mysql_async::Error::Server(error) = error else { return Err(error.into()) };
        let conn = self.shared.connect(self.writer).await?;
        std::mem::replace(&mut self.conn, conn).disconnect().await?;
        let is_changed = self.shared.is_changed(&mut self.conn).await?;
        let says_so = !was_changed && is_changed && !self.shared.case.after.is_empty();
        if !says_so || RETRYABLE.contains(&error.code) {
            record.errors.push(Failed {
                at,
                code: error.code,
                message: format!("{error} for {statements:?}"),
                what: "a block",
                retried: true,
                self_inflicted: false,
            });
        }
        Ok(counter(&mut self.conn, &self.shared.case.expect.table).await?.map(Act::Counter))
    }
}

fn other_error(error: anyhow::Error) -> mysql_async::Error {
    match error.downcast::<mysql_async::Error>() {
        Ok(error) => error,
        Err(error) => mysql_async::Error::Other(anyhow!(error).to_string().into()),
    }
}
