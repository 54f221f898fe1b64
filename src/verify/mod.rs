//! Compares both tables without a lock and repairs what differs.
//!
//! Each chunk is compared in one consistent snapshot, leaving out keys that wait in the change log: for all others the
//! mirror's invariant says that the rows are equal. Where an expression does not convert as an INSERT does, the server
//! itself converts the rows once more (`conversion.rs`). Rows that differ are logged again, so the applier repairs them;
//! a chunk that differs once more stops the run.

mod conversion;
mod digest;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::change::Change;
use crate::copy::sizer::Sizer;
use crate::copy::walker::{Chunk, Walker};
use crate::copy::workers::{key_of_first_row, last_key};
use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events};
use crate::mirror::change_log::{key_value, row_texts};
use crate::plan::KeyValue;
use crate::run::Run;
use crate::server::retry::Tries;
use crate::server::{Role, ServerError, Session, server_failure};
use crate::sql::Ident;
use crate::tally::Tally;
use conversion::Conversion;
pub use digest::{Digest, rounds};

/// Time a chunk aims at: its snapshot keeps old row versions alive for as long.
const CHUNK_TIME: Duration = Duration::from_millis(500);
/// Keys repaired at once per chunk; a chunk that differs in more is repaired in rounds.
const REPAIR_LIMIT: usize = 5_000;
/// Differences that are told with their columns.
const TOLD: usize = 10;
/// Rounds of repair per chunk. One should do; more are for a chunk that differs in more rows than one round takes.
const REPAIR_ROUNDS: usize = 20;

struct Verification {
    change: Arc<Change>,
    digest: Digest,
    walk: Mutex<Walk>,
    events: Events,
    tally: Arc<Tally>,
    halt: CancellationToken,
}

struct Walk {
    walker: Walker,
    sizer: Sizer,
    /// What is beyond the last key of the walk has its own, last chunk.
    open_end: Option<Option<KeyValue>>,
}

/// A row that differs.
#[derive(Debug, Clone)]
struct Difference {
    key: KeyValue,
    /// What differs, for people; of the first ones only.
    what: Option<String>,
}

/// A range of keys, either end open.
#[derive(Debug, Clone)]
struct Range {
    after: Option<KeyValue>,
    up_to: Option<KeyValue>,
}

/// Compares all of both tables. The applier runs meanwhile.
pub async fn verify(run: &Run, halt: &CancellationToken) -> Result<()> {
    let mut session = run.server.session_for(Role::Work, "connecting for the verification").await?;
    let last = last_key(&mut session, &run.change).await?;
    session.close().await;
    let verification = Arc::new(Verification {
        change: Arc::clone(&run.change),
        digest: Digest::new(&run.change, &Ident::new(run.checkpoint.shadow_index.clone()), run.server.facts.flavor),
        walk: Mutex::new(Walk {
            walker: Walker::new(last.clone(), None),
            sizer: Sizer::new(CHUNK_TIME),
            open_end: Some(last),
        }),
        events: run.events.clone(),
        tally: Arc::clone(&run.tally),
        halt: halt.clone(),
    });
    let mut workers = JoinSet::new();
    let mut sessions = Vec::new();
    for _ in 0..run.options.workers.max(1) {
        sessions.push(run.server.session_for(Role::Verify, "connecting for the verification").await?);
    }
    for session in sessions {
        workers.spawn(work(Arc::clone(&verification), session));
    }
    let mut outcome = Ok(());
    while let Some(joined) = workers.join_next().await {
        let ended =
            joined.unwrap_or_else(|error| Err(Failure::new(Stop::Unexpected, "a verifier panicked").cause(error)));
        if let Err(failure) = ended {
            halt.cancel();
            outcome = outcome.and(Err(failure));
        }
    }
    outcome
}

async fn work(verification: Arc<Verification>, mut session: Session) -> Result<()> {
    let mut conversion = Conversion::of(&verification.change);
    while !verification.halt.is_cancelled() {
        let Some((range, size)) = next_range(&verification, &mut session).await? else { break };
        let started = std::time::Instant::now();
        let rows = settle(&verification, &mut session, &mut conversion, &range).await?;
        let mut walk = verification.walk.lock().await;
        walk.sizer.observe(size, started.elapsed());
        verification.tally.chunk_rows.store(walk.sizer.next_size(), Ordering::Relaxed);
        drop(walk);
        verification.tally.rows_done.fetch_add(rows, Ordering::Relaxed);
        verification.events.offer(verification.tally.snapshot());
    }
    session.close().await;
    Ok(())
}

async fn next_range(verification: &Verification, session: &mut Session) -> Result<Option<(Range, u64)>> {
    let mut walk = verification.walk.lock().await;
    let size = walk.sizer.next_size();
    let change = &verification.change;
    if let Some(sql) = walk.walker.boundary_query(&change.key, &change.original, size) {
        let mut tries = Tries::of("finding the next chunk to verify");
        let boundary = loop {
            match key_of_first_row(session, &change.key, &sql).await {
                Ok(boundary) => break boundary,
                Err(error) => tries.recover(session, error, &verification.events).await?,
            }
        };
        if let Some(Chunk { after, up_to, .. }) = walk.walker.accept(boundary) {
            return Ok(Some((Range { after, up_to: Some(up_to) }, size)));
        }
    }
    Ok(walk.open_end.take().map(|after| (Range { after, up_to: None }, size)))
}

/// Compares a range and repairs it until it is equal; gives its rows.
async fn settle(
    verification: &Verification,
    session: &mut Session,
    conversion: &mut Conversion,
    range: &Range,
) -> Result<u64> {
    let mut before: Option<usize> = None;
    let mut told = Vec::new();
    for _ in 0..REPAIR_ROUNDS {
        let (rows, mut differing) = compare(verification, session, &verification.digest, range).await?;
        if !differing.is_empty() {
            differing = conversion.confirm(verification, session, range, differing).await?;
        }
        if differing.is_empty() {
            return Ok(rows);
        }
        told = differing.iter().take(TOLD).map(|row| row.told(&verification.change)).collect();
        // Repair that does not make progress is no repair.
        if before.is_some_and(|before| before < REPAIR_LIMIT || differing.len() >= before * 2) {
            return Err(still_differs(verification, differing.len(), &told));
        }
        before = Some(differing.len());
        verification.events.emit(Event::RowsRepaired { rows: differing.len() as u64, keys: told.clone() });
        let keys: Vec<KeyValue> = differing.into_iter().map(|row| row.key).collect();
        repair(verification, session, &keys).await?;
    }
    Err(still_differs(verification, REPAIR_LIMIT, &told))
}

impl Difference {
    fn told(&self, change: &Change) -> String {
        let key = change.describe(&self.key);
        self.what.as_ref().map_or_else(|| key.clone(), |what| format!("{key} ({what})"))
    }
}

fn still_differs(verification: &Verification, rows: usize, told: &[String]) -> Failure {
    let original = &verification.change.original;
    Failure::new(Stop::Differs, format!("{rows} rows of {original} differ in the copy and repairing did not help"))
        .table("untouched; the copy and the triggers are still there")
        .next(format!("`replank abort {}` drops the copy", original.argument()))
        .cause(format!("what differs: {} (two rows with one value in a new primary key end here too)", told.join("; ")))
}

/// Compares a range by a digest; gives its rows and those that differ.
async fn compare(
    verification: &Verification,
    session: &mut Session,
    digest: &Digest,
    range: &Range,
) -> Result<(u64, Vec<Difference>)> {
    let mut tries = Tries::of("comparing a chunk");
    loop {
        match compare_once(&verification.change, session, digest, range).await {
            Ok(found) => return Ok(found),
            Err(error) => tries.recover(session, error, &verification.events).await?,
        }
    }
}

async fn compare_once(
    change: &Change,
    session: &mut Session,
    digest: &Digest,
    range: &Range,
) -> Result<(u64, Vec<Difference>), ServerError> {
    session.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
    let pending = session.first_row::<u64>(&format!("SELECT 1 FROM {} LIMIT 1", change.log.table)).await?.is_some();
    let (after, up_to) = (range.after.as_ref(), range.up_to.as_ref());
    let original: Option<(u64, String)> = session.first_row(&digest.original_sql(after, up_to, pending)).await?;
    let shadow: Option<(u64, String)> = session.first_row(&digest.shadow_sql(after, up_to, pending)).await?;
    let mut differing = Vec::new();
    if original != shadow {
        for sql in digest.differing_sql(after, up_to, pending, REPAIR_LIMIT) {
            let rows: Vec<mysql_async::Row> = session.rows(&sql).await?;
            for row in rows {
                differing.push(Difference { key: key_value(&change.key, row_texts(row)?)?, what: None });
            }
        }
        for row in differing.iter_mut().take(TOLD) {
            row.what = Some(what_differs(change, session, digest, &row.key).await?);
        }
    }
    session.execute("COMMIT").await?;
    Ok((original.unwrap_or_default().0, differing))
}

async fn what_differs(
    change: &Change,
    session: &mut Session,
    digest: &Digest,
    key: &KeyValue,
) -> Result<String, ServerError> {
    let found: Option<(bool, Option<String>)> = session.first_row(&digest.columns_sql(key)).await?;
    let differ = match found {
        None => return Ok("only in the copy".to_owned()),
        Some((false, _)) => return Ok("missing from the copy".to_owned()),
        Some((true, differ)) => differ.unwrap_or_default(),
    };
    let pairs = change.mapping.pairs.iter().zip(differ.bytes());
    let columns: Vec<&str> =
        pairs.filter(|(_, differs)| *differs == b'1').map(|(pair, _)| pair.source.name.as_str()).collect();
    Ok(columns.join(", "))
}

/// Logs keys again and waits until the applier has consumed them.
async fn repair(verification: &Verification, session: &mut Session, keys: &[KeyValue]) -> Result<()> {
    let log = &verification.change.log;
    let failed = |error: ServerError| server_failure("repairing rows that differ", &error);
    for keys in keys.chunks(500) {
        session.execute(&log.insert_sql(keys)).await.map_err(failed)?;
        // A multi-row INSERT gets consecutive numbers in every innodb_autoinc_lock_mode.
        let first: u64 = session.first_row("SELECT LAST_INSERT_ID()").await.map_err(failed)?.unwrap_or(0);
        let seq = log.seq();
        let waiting = format!(
            "SELECT COUNT(*) FROM {} WHERE {seq} BETWEEN {first} AND {}",
            log.table,
            first + keys.len() as u64 - 1
        );
        while session.first_row::<u64>(&waiting).await.map_err(failed)?.unwrap_or(0) > 0 {
            if verification.halt.is_cancelled() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}
