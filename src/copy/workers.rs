//! Copies the original into the shadow: parallel workers that take turns in finding the next chunk.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::sizer::Sizer;
use super::walker::{Chunk, Walker, final_bound_query};
use super::watermark::Watermark;
use crate::change::Change;
use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events};
use crate::mirror::InFlight;
use crate::mirror::change_log::{key_value, row_texts};
use crate::plan::{ChunkKey, KeyValue, MalformedKey};
use crate::run::Run;
use crate::server::retry::Tries;
use crate::server::{Role, ServerError, Session, server_failure};
use crate::tally::Tally;
use crate::throttle::Throttle;

/// How often progress is saved. What was copied since is copied again after a crash, which changes nothing.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// What the workers share.
struct Copy {
    change: Arc<Change>,
    walk: Mutex<Walk>,
    in_flight: Arc<InFlight>,
    throttle: Arc<Throttle>,
    ceiling: Option<Ceiling>,
    events: Events,
    tally: Arc<Tally>,
    halt: CancellationToken,
}

/// Where the walk is. Boundaries are found in order, each from the one before.
struct Walk {
    walker: Walker,
    sizer: Sizer,
    watermark: Watermark,
    /// Largest chunk that the ceiling lets through at once.
    most: u64,
}

impl Walk {
    fn next_size(&self) -> u64 {
        self.sizer.next_size().min(self.most)
    }
}

/// A ceiling in rows per second.
struct Ceiling {
    limiter: DefaultDirectRateLimiter,
    burst: NonZeroU32,
}

/// Copies everything up to the checkpoint's last key, beginning at its watermark. `halt` is cancelled when the copy
/// must stop early, for whatever reason; what was copied is in the checkpoint then.
pub async fn copy(
    run: &mut Run,
    in_flight: Arc<InFlight>,
    throttle: Arc<Throttle>,
    halt: CancellationToken,
) -> Result<()> {
    let stored = |raw: &Option<Vec<String>>| raw.clone().map(|raw| run.change.key.value(raw)).transpose();
    let read = || Ok::<_, MalformedKey>((stored(&run.checkpoint.last_key)?, stored(&run.checkpoint.watermark)?));
    let (last_key, watermark) = read()
        .map_err(|error| Failure::new(Stop::Occupied, "the checkpoint does not fit the table's key").cause(error))?;
    let ceiling = run.options.max_rows_per_second.map(Ceiling::new);
    // A chunk must fit into what the ceiling lets through at once.
    let most = ceiling.as_ref().map_or(u64::MAX, |ceiling| u64::from(ceiling.burst.get()));
    let copy = Arc::new(Copy {
        change: Arc::clone(&run.change),
        walk: Mutex::new(Walk {
            walker: Walker::new(last_key, watermark.clone()),
            sizer: Sizer::new(run.options.chunk_time),
            watermark: Watermark::new(watermark),
            most,
        }),
        in_flight,
        throttle,
        ceiling,
        events: run.events.clone(),
        tally: Arc::clone(&run.tally),
        halt: halt.clone(),
    });
    run.tally.rows_done.store(run.checkpoint.rows_copied, Ordering::Relaxed);
    let mut workers = JoinSet::new();
    let mut sessions = Vec::new();
    for _ in 0..run.options.workers.max(1) {
        sessions.push(run.server.session_for(Role::Work, "connecting a chunk worker").await?);
    }
    for session in sessions {
        workers.spawn(work(Arc::clone(&copy), session));
    }
    let mut outcome = Ok(());
    let mut tick = tokio::time::interval(CHECKPOINT_EVERY);
    loop {
        tokio::select! {
            joined = workers.join_next() => match joined {
                None => break,
                Some(ended) => {
                    let ended = ended.unwrap_or_else(|error| {
                        Err(Failure::new(Stop::Unexpected, "a chunk worker panicked").cause(error))
                    });
                    if let Err(failure) = ended {
                        halt.cancel();
                        // The first failure is the cause, later ones its consequences.
                        outcome = outcome.and(Err(failure));
                    }
                }
            },
            _ = tick.tick() => if let Err(failure) = save(run, &copy).await {
                // The workers end their chunks first: a dropped worker would leave its statement to the server.
                halt.cancel();
                outcome = outcome.and(Err(failure));
            },
        }
    }
    outcome.and(save(run, &copy).await)
}

async fn save(run: &mut Run, copy: &Copy) -> Result<()> {
    let watermark = copy.walk.lock().await.watermark.completed().map(|key| key.raw().to_vec());
    run.checkpoint.rows_copied = copy.tally.rows_copied.load(Ordering::Relaxed);
    if watermark != run.checkpoint.watermark {
        run.checkpoint.watermark = watermark;
        run.runs.save(&run.row, crate::event::Phase::Copy, &run.checkpoint).await?;
    }
    run.events.offer(copy.tally.snapshot());
    Ok(())
}

async fn work(copy: Arc<Copy>, mut session: Session) -> Result<()> {
    while !copy.halt.is_cancelled() {
        let Some((chunk, size)) = next_chunk(&copy, &mut session).await? else { break };
        if let Some(ceiling) = &copy.ceiling {
            ceiling.wait_for(size).await;
        }
        // Last, because a limit may have been passed while the ceiling was waited for.
        if !copy.throttle.clear(&copy.halt).await {
            break;
        }
        let ticket = copy.in_flight.enter();
        let (rows, took) = copy_chunk(&copy, &mut session, &chunk).await?;
        // Only now: the statement is committed and cannot bring a row back any more.
        drop(ticket);
        let mut walk = copy.walk.lock().await;
        walk.watermark.finish(chunk.number, chunk.up_to);
        walk.sizer.observe(size, took);
        copy.tally.chunk_rows.store(walk.next_size(), Ordering::Relaxed);
        drop(walk);
        copy.tally.rows_done.fetch_add(rows, Ordering::Relaxed);
        copy.tally.rows_copied.fetch_add(rows, Ordering::Relaxed);
        copy.events.emit(Event::ChunkCopied { rows, took });
    }
    session.close().await;
    Ok(())
}

async fn next_chunk(copy: &Copy, session: &mut Session) -> Result<Option<(Chunk, u64)>> {
    let mut tries = Tries::of("finding the next chunk");
    let mut walk = copy.walk.lock().await;
    let size = walk.next_size();
    let Some(sql) = walk.walker.boundary_query(&copy.change.key, &copy.change.original, size) else {
        return Ok(None);
    };
    let boundary = loop {
        match key_of_first_row(session, &copy.change.key, &sql).await {
            Ok(boundary) => break boundary,
            Err(error) => tries.recover(session, error, &copy.events).await?,
        }
    };
    Ok(walk.walker.accept(boundary).map(|chunk| (chunk, size)))
}

async fn copy_chunk(copy: &Copy, session: &mut Session, chunk: &Chunk) -> Result<(u64, Duration)> {
    let sql = copy_sql(&copy.change, chunk);
    let mut tries = Tries::of("copying a chunk");
    loop {
        let started = Instant::now();
        match session.execute(&sql).await {
            Ok(rows) => return Ok((rows, started.elapsed())),
            Err(error) => {
                let fits = !error.is_of_a_value();
                if let Err(failure) = tries.recover(session, error, &copy.events).await {
                    return Err(if fits { failure } else { copy.change.does_not_fit(failure) });
                }
            }
        }
    }
}

/// The statement that copies a chunk. In READ COMMITTED it takes no lock on the original's rows.
pub fn copy_sql(change: &Change, chunk: &Chunk) -> String {
    format!(
        "INSERT {} INTO {} ({}) SELECT {} FROM {} FORCE INDEX ({}) WHERE {} {}",
        change.marker,
        change.shadow,
        change.target_columns(),
        change.source_columns(),
        change.original,
        change.key.index,
        change.key.within(&change.original_key_sql(), chunk.after.as_ref(), &chunk.up_to),
        change.keep_existing(),
    )
}

/// The key in the first row of a query, `None` when there is none.
pub async fn key_of_first_row(
    session: &mut Session,
    key: &ChunkKey,
    sql: &str,
) -> Result<Option<KeyValue>, ServerError> {
    let row: Option<mysql_async::Row> = session.first_row(sql).await?;
    row.map(|row| key_value(key, row_texts(row)?)).transpose()
}

/// The last key of a table, `None` when it is empty.
pub async fn last_key(session: &mut Session, change: &Change) -> Result<Option<KeyValue>> {
    let sql = final_bound_query(&change.key, &change.original);
    let found = key_of_first_row(session, &change.key, &sql).await;
    found.map_err(|error| server_failure("finding the last key", &error))
}

impl Ceiling {
    fn new(rows: NonZeroU32) -> Ceiling {
        // A tenth of a second's rows at once: a whole second's would be one chunk of any size, and then a long pause.
        let burst = NonZeroU32::new(rows.get() / 10).unwrap_or(NonZeroU32::MIN);
        Ceiling { limiter: RateLimiter::direct(Quota::per_second(rows).allow_burst(burst)), burst }
    }

    async fn wait_for(&self, rows: u64) {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX).min(self.burst.get());
        if let Some(rows) = NonZeroU32::new(rows) {
            // Never more than the burst, so the limiter has no reason to refuse.
            let _ = self.limiter.until_n_ready(rows).await;
        }
    }
}
