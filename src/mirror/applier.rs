//! Makes shadow rows equal to the original's rows, for the keys in the change log.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::change_log::{Entry, key_value, row_texts};
use super::in_flight::InFlight;
use crate::change::{Change, Direction};
use crate::error::{Failure, Result, Stop};
use crate::event::{Event, Events};
use crate::plan::KeyValue;
use crate::server::retry::Tries;
use crate::server::{ServerError, Session, errno, server_failure};
use crate::tally::Tally;

/// Log rows per transaction. Large enough to merge repeated writes of hot rows, small enough that the transaction and
/// its statements stay far under a megabyte and the locks it holds on the shadow are short.
const BATCH: usize = 2_000;
/// A whole backlog at once, but for that of a way back, which may be days old.
const WHOLE_LOG: usize = 200_000;
/// Log rows in the first transaction after a clash of unique values, doubled with each that goes through: the fewer, the
/// sooner after the deletion of stale rows they are inserted.
const BATCH_AFTER_CLASH: usize = 200;
/// Keys named in one DELETE: the range optimizer weighs each.
const KEYS_PER_DELETE: usize = 200;
/// Numbers below the highest one seen that are looked at again: those of transactions that were open when it was.
const COMMITTED_LATE: u64 = 1_000;
/// Stale rows deleted at last before a batch, which take a few milliseconds, and how many more looks it may take to get
/// there: each is as long as the one before it left behind.
const FEW_STALE: usize = 100;
const STALE_ROUNDS: usize = 5;
/// How often in a row a clash of unique values is met before it is believed.
const CLASH_TRIES: u32 = 8;
/// Pause when the log is empty: what the application writes meanwhile waits this long for the mirror.
const IDLE: Duration = Duration::from_millis(50);
/// How often a drain tells how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// Whether chunks may be inserting the same keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Chunks are in flight: a key that a chunk inserts between our delete and insert is at least as new as the logged
    /// write, so it stays. The shadow has few unique indexes beside the walked key: the new primary key, and those that
    /// are asked before one that stays. Of two rows that clash in these the first stays, and verification finds the other
    /// missing.
    Copying,
    /// No chunk is in flight and all unique indexes are there: a clash is a violation.
    Settled,
}

/// The applier. It owns its session and runs one batch at a time.
#[derive(Debug)]
pub struct Applier {
    session: Session,
    change: Arc<Change>,
    in_flight: Arc<InFlight>,
    stage: Stage,
    events: Events,
    tally: Arc<Tally>,
    /// From a clash of unique values on, until the end of the log is reached.
    cleared: Option<Cleared>,
    /// When a drain last told how far it is.
    told: Instant,
}

/// Logged keys whose rows have been taken off the shadow.
///
/// A row that took over a unique value may be in a batch while the row that gave it up still waits in the log. Without
/// the rows of all logged keys the original's own uniqueness carries over, but for values that move between that
/// deletion and the batch; so the keys logged since are looked at before every batch. To delete all anew each time would
/// cost more than the batch, and the log would grow faster than it is applied.
#[derive(Debug)]
struct Cleared {
    /// Numbers of their entries, up to [`WHOLE_LOG`] of them.
    entries: HashSet<u64>,
    /// The highest number seen. Lower ones may still be committed: those closely below are looked at again, and the next
    /// clash looks at all.
    newest: u64,
    /// Log rows of the next transaction.
    limit: usize,
}

impl Applier {
    /// An applier for a change. The epoch rule holds with respect to the chunks in `in_flight`.
    pub fn new(
        session: Session,
        change: Arc<Change>,
        in_flight: Arc<InFlight>,
        stage: Stage,
        events: Events,
        tally: Arc<Tally>,
    ) -> Applier {
        Applier { session, change, in_flight, stage, events, tally, cleared: None, told: Instant::now() }
    }

    /// Says that copying is over and unique indexes are there.
    pub fn settle(&mut self) {
        self.stage = Stage::Settled;
    }

    /// Applies one batch; gives the number of log rows consumed, 0 when the log is empty.
    pub async fn apply_batch(&mut self) -> Result<usize> {
        self.apply_up_to(BATCH).await
    }

    /// Applies batches until fewer than `enough` rows are found, or until batches that leave nothing behind do not get
    /// smaller: then they are what the application writes meanwhile, however often that is repeated.
    pub async fn drain_below(&mut self, enough: usize, stop: &CancellationToken) -> Result<()> {
        let mut before = BATCH;
        while !stop.is_cancelled() {
            let applied = self.apply_batch().await?;
            if self.told.elapsed() > TOLD_EVERY {
                self.told = Instant::now();
                self.look_at_backlog().await;
                self.events.offer(self.tally.snapshot());
            }
            if applied < enough || (applied < BATCH && applied >= before) {
                break;
            }
            before = applied;
        }
        Ok(())
    }

    /// Makes the shadow what the original was at one moment, rows deleted since left out. Needs that no chunk is in
    /// flight. A REPLACE may delete by a unique index other than the walked key; what it meets there is a row that has
    /// changed, so its key is in the log, too.
    ///
    /// Batches alone do not do that: when a unique value moves from one row to another, the row that has it now may be
    /// applied while the row that gave it up still waits in the log, and the build of the unique index would find it
    /// twice.
    pub async fn catch_up(&mut self, stop: &CancellationToken) -> Result<()> {
        self.drain_below(BATCH / 2, stop).await?;
        if stop.is_cancelled() {
            return Ok(());
        }
        let mut tries = Tries::of("catching up with the change log");
        loop {
            self.in_flight.quiesced().await;
            match self.apply_whole_log().await {
                Ok(true) => return Ok(()),
                // It grew too long meanwhile.
                Ok(false) => {
                    self.roll_back().await?;
                    self.drain_below(BATCH / 2, stop).await?;
                    if stop.is_cancelled() {
                        return Ok(());
                    }
                }
                Err(error) => {
                    let fits = !error.is_of_a_value();
                    if let Err(failure) = tries.recover(&mut self.session, error, &self.events).await {
                        return Err(if fits { failure } else { self.change.does_not_fit(failure) });
                    }
                }
            }
        }
    }

    /// Makes the shadow a part of the original as it is at the end of this, so that no unique value is in it twice. Every
    /// key that is written meanwhile is logged anew: its row, which may be from before that, goes, and its log row stays.
    /// False when there is too much to do at once; the transaction is then still open.
    async fn apply_whole_log(&mut self) -> Result<bool, ServerError> {
        let entries = self.change.log.read(&mut self.session, WHOLE_LOG).await?;
        if entries.is_empty() {
            return Ok(true);
        }
        self.session.execute("START TRANSACTION").await?;
        self.session.execute(&replace_logged_sql(&self.change)).await?;
        let absent: Vec<mysql_async::Row> = self.session.rows(&absent_keys_sql(&self.change)).await?;
        let absent: Vec<KeyValue> = absent
            .into_iter()
            .map(|row| key_value(&self.change.key, row_texts(row)?))
            .collect::<Result<_, ServerError>>()?;
        // Read after the absent keys: one that was back by then is in it.
        let now = self.change.log.read(&mut self.session, WHOLE_LOG).await?;
        if now.len() >= WHOLE_LOG {
            return Ok(false);
        }
        let applied: HashSet<u64> = entries.iter().map(|entry| entry.seq).collect();
        let meanwhile = now.into_iter().filter(|entry| !applied.contains(&entry.seq)).map(|entry| entry.key);
        let gone: Vec<KeyValue> = absent.into_iter().chain(meanwhile).collect();
        for keys in gone.chunks(KEYS_PER_DELETE) {
            self.session.execute(&delete_keys_sql(&self.change, keys)).await?;
        }
        self.session.execute(&self.change.log.delete_sql(&entries)).await?;
        self.session.execute("COMMIT").await?;
        self.tally.keys_applied.fetch_add(entries.len() as u64, Ordering::Relaxed);
        Ok(true)
    }

    /// Runs in the background until told to stop; gives itself back.
    pub fn spawn(self, halt: CancellationToken) -> Background {
        let until = CancellationToken::new();
        let task = tokio::spawn(self.run(until.clone(), halt));
        Background { until, task }
    }

    async fn run(mut self, until: CancellationToken, halt: CancellationToken) -> Result<Applier> {
        // Whoever waits for the mirror must not wait for a mirror that is gone.
        let halt_on_error = halt.clone().drop_guard();
        while !until.is_cancelled() {
            let applied = self.apply_batch().await?;
            self.look_at_backlog().await;
            if applied < BATCH / 4 {
                tokio::select! {
                    () = until.cancelled() => {}
                    () = tokio::time::sleep(IDLE) => {}
                }
            }
        }
        halt_on_error.disarm();
        Ok(self)
    }

    async fn look_at_backlog(&mut self) {
        if let Ok(backlog) = self.change.log.backlog(&mut self.session).await {
            self.tally.backlog.store(backlog, Ordering::Relaxed);
        }
    }

    async fn apply_up_to(&mut self, most: usize) -> Result<usize> {
        let mut consumed = 0;
        let mut clashes = 0;
        let mut tries = Tries::of("applying the change log");
        loop {
            let started = Instant::now();
            if let Err(error) = self.delete_stale_rows().await {
                tries.recover(&mut self.session, error, &self.events).await?;
                continue;
            }
            let limit = self.cleared.as_ref().map_or(most, |cleared| cleared.limit.min(most));
            match self.apply_next(limit).await {
                Ok(0) => {
                    self.cleared = None;
                    return Ok(consumed);
                }
                Ok(applied) => {
                    let keys = applied as u64;
                    self.tally.keys_applied.fetch_add(keys, Ordering::Relaxed);
                    self.events.emit(Event::BatchApplied { keys, took: started.elapsed() });
                    consumed += applied;
                    clashes = 0;
                    if applied < limit {
                        self.cleared = None;
                    }
                    if let Some(cleared) = &mut self.cleared {
                        cleared.limit = (cleared.limit * 2).min(BATCH);
                    }
                    // Callers take fewer rows than the most for the end of the log.
                    if applied < limit || consumed >= most {
                        return Ok(consumed);
                    }
                }
                Err(error) if error.code() == Some(errno::DUPLICATE_KEY) && clashes < CLASH_TRIES => {
                    clashes += 1;
                    self.roll_back().await?;
                    tokio::time::sleep(Duration::from_millis(5 << clashes)).await;
                    let cleared = self.cleared.get_or_insert_with(|| Cleared {
                        entries: HashSet::new(),
                        newest: 0,
                        limit: BATCH_AFTER_CLASH,
                    });
                    cleared.newest = 0;
                    // In the end it is one key, and only its own row can have moved meanwhile.
                    cleared.limit = (BATCH_AFTER_CLASH >> (clashes - 1)).max(1);
                }
                Err(error) if error.code() == Some(errno::DUPLICATE_KEY) => {
                    self.roll_back().await?;
                    return Err(self.violation(&error));
                }
                Err(error) => {
                    let fits = !error.is_of_a_value();
                    if let Err(failure) = tries.recover(&mut self.session, error, &self.events).await {
                        return Err(if fits { failure } else { self.change.does_not_fit(failure) });
                    }
                }
            }
        }
    }

    async fn apply_next(&mut self, limit: usize) -> Result<usize, ServerError> {
        let entries = self.change.log.read(&mut self.session, limit).await?;
        if entries.is_empty() {
            return Ok(0);
        }
        self.in_flight.quiesced().await;
        self.apply(&entries).await?;
        if let Some(cleared) = &mut self.cleared {
            for entry in &entries {
                cleared.entries.remove(&entry.seq);
            }
        }
        Ok(entries.len())
    }

    /// After a clash, takes the rows of keys that were logged since the last look off the shadow. The keys stay in the
    /// log, so the mirror's invariant says nothing of these rows, and the following batches bring them back as they are
    /// now.
    async fn delete_stale_rows(&mut self) -> Result<(), ServerError> {
        let Some(cleared) = &mut self.cleared else { return Ok(()) };
        let mut rounds = STALE_ROUNDS;
        loop {
            let is_first = cleared.newest == 0;
            let after = cleared.newest.saturating_sub(COMMITTED_LATE);
            let entries = self.change.log.read_after(&mut self.session, after, WHOLE_LOG).await?;
            let found = entries.len();
            let Some(newest) = entries.last().map(|entry| entry.seq) else { return Ok(()) };
            let stale: Vec<Entry> = entries.into_iter().filter(|entry| !cleared.entries.contains(&entry.seq)).collect();
            self.in_flight.quiesced().await;
            for entries in stale.chunks(BATCH) {
                self.session.execute("START TRANSACTION").await?;
                for sql in delete_sql(&self.change, entries) {
                    self.session.execute(&sql).await?;
                }
                self.session.execute("COMMIT").await?;
                if cleared.entries.len() < WHOLE_LOG {
                    cleared.entries.extend(entries.iter().map(|entry| entry.seq));
                }
            }
            cleared.newest = newest;
            // While many were read or deleted, many were logged.
            if found < WHOLE_LOG {
                if rounds == 0 || (stale.len() < FEW_STALE && !is_first) {
                    return Ok(());
                }
                rounds -= 1;
            }
        }
    }

    async fn roll_back(&mut self) -> Result<()> {
        let done = self.session.execute("ROLLBACK").await;
        done.map(drop).map_err(|error| server_failure("rolling back a batch", &error))
    }

    async fn apply(&mut self, entries: &[Entry]) -> Result<(), ServerError> {
        self.session.execute("START TRANSACTION").await?;
        for sql in apply_sql(&self.change, entries, self.stage) {
            self.session.execute(&sql).await?;
        }
        self.session.execute("COMMIT").await?;
        Ok(())
    }

    fn violation(&self, error: &ServerError) -> Failure {
        let original = &self.change.original;
        let goes_on = format!("remove the duplicates, then resume: `replank resume {}`", original.argument());
        let gives_up = format!("`replank abort {}`", original.argument());
        match self.change.direction {
            Direction::Forward => {
                Failure::new(Stop::Refused, format!("rows of {original} break a unique index of the new definition"))
                    .table("untouched; the copy is kept")
                    .next(goes_on)
                    .next(format!("{gives_up} drops the copy"))
            }
            Direction::Back => {
                Failure::new(Stop::Refused, format!("rows of {original} break a unique index of the old definition"))
                    .table("untouched; the old table is kept")
                    .next(goes_on)
                    .next(format!("{gives_up} leaves everything as it is"))
            }
        }
        .cause(error)
    }
}

/// An applier that runs in the background.
#[derive(Debug)]
pub struct Background {
    until: CancellationToken,
    task: JoinHandle<Result<Applier>>,
}

impl Background {
    /// Lets it finish its batch and takes it back, or gives what stopped it.
    pub async fn join(self) -> Result<Applier> {
        self.until.cancel();
        self.task.await.map_err(|error| Failure::new(Stop::Unexpected, "the applier panicked").cause(error))?
    }
}

/// The statements that apply entries, inside one transaction (or under LOCK TABLES, so no table has an alias, and none
/// is named twice in a statement).
pub fn apply_sql(change: &Change, entries: &[Entry], stage: Stage) -> Vec<String> {
    let Change { log, shadow, original, marker, .. } = change;
    let batch = batch_of(change, entries);
    let on_original = join_on(log.key_columns(), "batch", &change.original_key(), original);
    let index = &change.key.index;
    let rows = format!("FROM {batch} AS batch STRAIGHT_JOIN {original} FORCE INDEX ({index}) ON {on_original}");
    let keep = match stage {
        Stage::Copying => format!(" {}", change.keep_existing()),
        Stage::Settled => String::new(),
    };
    let (columns, values) = (change.target_columns(), change.source_columns());
    let mut statements = delete_sql(change, entries);
    match &change.aside {
        None => statements.push(format!("INSERT {marker} INTO {shadow} ({columns}) SELECT {values} {rows}{keep}")),
        Some(aside) => {
            let on_aside = join_on(log.key_columns(), "batch", &change.shadow_key(), &aside.table);
            let first = &change.shadow_key()[0];
            statements.push(format!(
                "INSERT {marker} INTO {shadow} ({columns}, {}) SELECT {values}, {} {rows} STRAIGHT_JOIN {} ON {on_aside}",
                aside.names(),
                aside.values(),
                aside.table,
            ));
            let fillers: String = aside.fillers.iter().map(|(column, _)| format!(", {column}")).collect();
            let filled: String = aside.fillers.iter().map(|(_, value)| format!(", {value}")).collect();
            statements.push(format!(
                "INSERT {marker} INTO {shadow} ({columns}{fillers}) SELECT {values}{filled} {rows} \
                 LEFT JOIN {} ON {on_aside} WHERE {}.{first} <=> NULL",
                aside.table, aside.table,
            ));
            statements.push(format!(
                "DELETE {} FROM {batch} AS batch STRAIGHT_JOIN {} ON {on_aside}",
                aside.table, aside.table
            ));
        }
    }
    statements.push(log.delete_sql(entries));
    statements
}

/// The statements that take the rows of entries off the shadow.
fn delete_sql(change: &Change, entries: &[Entry]) -> Vec<String> {
    let Change { log, shadow, marker, .. } = change;
    let batch = batch_of(change, entries);
    let key = change.shadow_key();
    let on_shadow = join_on(log.key_columns(), "batch", &key, shadow);
    let put = change.aside.as_ref().map(|aside| aside.put_sql(&batch, shadow, &key, &on_shadow));
    let delete = format!("DELETE {marker} {shadow} FROM {batch} AS batch STRAIGHT_JOIN {shadow} ON {on_shadow}");
    put.into_iter().chain([delete]).collect()
}

/// The keys of entries. The newest row of each key is enough: what is applied is the row as it is now.
fn batch_of(change: &Change, entries: &[Entry]) -> String {
    let newest: HashMap<&KeyValue, u64> = entries.iter().map(|entry| (&entry.key, entry.seq)).collect();
    let mut seqs: Vec<u64> = newest.into_values().collect();
    seqs.sort_unstable();
    change.log.distinct_keys(Some(&seqs))
}

/// First statement of a catch-up. It reads log and original in one snapshot (READ COMMITTED takes one for each
/// statement, and no lock), so it sees every row that the log says was written, as of one moment; REPLACE meets no
/// other unique key than the walked one and a new primary key, in whose clashes verification finds the missing row.
fn replace_logged_sql(change: &Change) -> String {
    let Change { log, shadow, original, marker, .. } = change;
    format!(
        "REPLACE {marker} INTO {shadow} ({}) SELECT {} FROM {} AS batch STRAIGHT_JOIN {original} FORCE INDEX ({}) ON {}",
        change.target_columns(),
        change.source_columns(),
        log.distinct_keys(None),
        change.key.index,
        join_on(log.key_columns(), "batch", &change.original_key(), original),
    )
}

/// Second statement of a catch-up: logged keys that the original does not have, a little later at most. A SELECT of its
/// own, because a DELETE that joined the original would lock its rows. Not IS NULL, which both servers take for a zero
/// date, too.
fn absent_keys_sql(change: &Change) -> String {
    let Change { log, original, .. } = change;
    let keys: Vec<String> = log.key_columns().map(|column| format!("batch.{column}")).collect();
    let first = &change.original_key()[0];
    format!(
        "SELECT {} FROM {} AS batch LEFT JOIN {original} FORCE INDEX ({}) ON {} WHERE {original}.{first} <=> NULL",
        change.key.select_list(&keys),
        log.distinct_keys(None),
        change.key.index,
        join_on(log.key_columns(), "batch", &change.original_key(), original),
    )
}

fn delete_keys_sql(change: &Change, keys: &[KeyValue]) -> String {
    let columns = change.shadow_key_sql();
    let equal: Vec<String> = keys.iter().map(|key| format!("({})", change.key.equal(&columns, key))).collect();
    format!("DELETE {} FROM {} WHERE {}", change.marker, change.shadow, equal.join(" OR "))
}

fn join_on<'a>(
    log_columns: impl Iterator<Item = &'a crate::sql::Ident>,
    batch: &str,
    columns: &[crate::sql::Ident],
    table: &crate::sql::TableName,
) -> String {
    let equal: Vec<String> =
        log_columns.zip(columns).map(|(log, column)| format!("{table}.{column} = {batch}.{log}")).collect();
    equal.join(" AND ")
}
