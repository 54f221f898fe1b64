//! Snapshots of the application that are older than what the new table holds.
//!
//! A transaction at REPEATABLE READ that has not used the table yet comes to the new one after the swap, and reads it as
//! of its own snapshot. One from the time of the copy finds a part of the rows, without any error: a dump with
//! `--single-transaction` would be short of the rest. So the cutover waits for every snapshot that was there when it
//! began. From then on the new table lags behind by milliseconds only; on MariaDB, where such a row may also give an
//! error (1020, `innodb_snapshot_isolation`), the window looks once more.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::error::{Failure, Result, Stop};
use crate::event::Event;
use crate::lock_window::Purpose;
use crate::run::Run;
use crate::server::{Flavor, Process, ServerError, Session, errno, server_failure};

/// Pause between two looks. InnoDB's list of transactions is renewed only when nobody has read it for 100 ms.
const LOOK: Duration = Duration::from_millis(150);

/// Windows that are given back because of a snapshot. Under many transactions of several tables there is always one.
const CLEAR_ATTEMPTS: u32 = 20;

/// A snapshot that a connection has open: the same one as long as both are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Snapshot {
    connection: u32,
    /// MariaDB: the first transaction that it does not see. MySQL: the number of the transaction in its thread.
    mark: u64,
}

/// Those that were there when the cutover began and are there still.
pub(super) struct Older {
    /// `None` until they were looked for.
    left: Option<BTreeSet<Snapshot>>,
    since: Instant,
    looks: u32,
}

impl Older {
    pub(super) fn new() -> Older {
        Older { left: None, since: Instant::now(), looks: 0 }
    }

    /// Whether all have ended; waits a moment where not, and fails when patience is over. The first call only finds them: the
    /// log has been drained to a few rows, which is all that later ones can miss. Without the right to look there are none.
    pub(super) async fn have_ended(&mut self, run: &Run, watch: &mut Session) -> Result<bool> {
        if self.left.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(true);
        }
        let now = open(watch).await.map_err(failed)?;
        let Some(left) = &self.left else {
            self.left = Some(now.into_iter().collect());
            return Ok(false);
        };
        let still = now.into_iter().filter(|snapshot| left.contains(snapshot)).collect();
        let processes = watch.processes().await.map_err(failed)?;
        let left = without_single_statements(watch, still, &processes).await.map_err(failed)?.into_iter().collect();
        let Some(first) = self.left.insert(left).first() else { return Ok(true) };
        let connection = first.connection;
        let holder = holder(&processes, connection);
        if self.since.elapsed() > run.options.lock_patience {
            return Err(not_ended(run, connection, holder));
        }
        self.looks += 1;
        run.events.emit(Event::LockAttempt {
            purpose: Purpose::Cutover.to_string(),
            attempt: self.looks,
            granted: false,
            pending: Duration::ZERO,
            blocker: Some(holder),
        });
        tokio::time::sleep(LOOK).await;
        Ok(false)
    }
}

fn not_ended(run: &Run, connection: u32, holder: String) -> Failure {
    let table = &run.change.original;
    let what = format!("no quiet moment on {table} for the cutover within {} s", run.options.lock_patience.as_secs());
    Failure::new(Stop::LockNotGranted, what)
        .table("untouched; what was copied is kept and stays in sync through the triggers")
        .next(format!(
            "when that transaction is over (a dump, a report?), or ended by `KILL {connection}`: `replank resume {}`",
            table.argument()
        ))
        .cause(format!("after a swap, {holder}, could read a part of the rows only"))
}

/// MariaDB, inside the window, when the log is drained: whether no transaction of the table's schema is older than that.
/// Those that have used the table have ended, or the lock would not have been granted.
pub(super) async fn are_clear(run: &Run, watch: &mut Session, own: u32, attempt: u32) -> Result<bool, ServerError> {
    if attempt >= CLEAR_ATTEMPTS {
        return Ok(true);
    }
    let mut open = open(watch).await?;
    if open.is_empty() {
        return Ok(true);
    }
    let schema = run.change.original.schema.as_str();
    let processes = watch.processes().await?;
    let of_schema = |snapshot: &Snapshot| {
        let process = processes.iter().find(|process| process.id == snapshot.connection);
        process.is_some_and(|process| process.schema.eq_ignore_ascii_case(schema))
    };
    open.retain(|snapshot| snapshot.connection != own && of_schema(snapshot));
    Ok(without_single_statements(watch, open, &processes).await?.is_empty())
}

/// Without those that end with the statement which they have now, whose tables are opened already: definitions, which both
/// servers show like transactions that go on, and on MariaDB a SELECT of its own. MySQL's are found without these.
async fn without_single_statements(
    watch: &mut Session,
    mut open: Vec<Snapshot>,
    processes: &[Process],
) -> Result<Vec<Snapshot>, ServerError> {
    open.retain(|snapshot| !processes.iter().any(|process| process.id == snapshot.connection && process.defines()));
    if open.is_empty() || watch.server().facts.flavor == Flavor::MySql {
        return Ok(open);
    }
    let sql = "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx \
               WHERE trx_autocommit_non_locking = 1 OR trx_isolation_level LIKE 'READ %'";
    let single: Vec<u64> = watch.rows(sql).await?;
    let goes_on = |snapshot: &Snapshot| !single.contains(&u64::from(snapshot.connection));
    Ok(open.into_iter().filter(goes_on).collect())
}

async fn open(watch: &mut Session) -> Result<Vec<Snapshot>, ServerError> {
    let found = match watch.server().facts.flavor {
        Flavor::MariaDb => in_innodb_status(watch).await,
        Flavor::MySql => in_performance_schema(watch).await,
    };
    match found {
        Err(error) if error.is_any(&errno::DENIED) => Ok(Vec::new()),
        found => found,
    }
}

/// MariaDB. `information_schema.innodb_trx` does not say who has a snapshot, and is not renewed while somebody reads it
/// more often than every 100 ms.
async fn in_innodb_status(watch: &mut Session) -> Result<Vec<Snapshot>, ServerError> {
    let status: Option<(String, String, Vec<u8>)> = watch.first_row("SHOW ENGINE INNODB STATUS").await?;
    let (_, _, text) = status.unwrap_or_default();
    Ok(read_status(&String::from_utf8_lossy(&text)))
}

/// The snapshots in InnoDB's status. The text of a statement that looks like lines of it may add one, or hide its own.
fn read_status(status: &str) -> Vec<Snapshot> {
    let mut snapshots = Vec::new();
    let mut connection = None;
    for line in status.lines() {
        if line.starts_with("---TRANSACTION ") {
            connection = None;
        } else if connection.is_none()
            && let Some((_, rest)) = line.split_once(" thread id ")
        {
            connection = number(rest).and_then(|id| u32::try_from(id).ok());
        } else if let Some(limit) = line.strip_prefix("Trx read view will not see trx with id >= ")
            && let (Some(connection), Some(mark)) = (connection, number(limit))
        {
            snapshots.push(Snapshot { connection, mark });
        }
    }
    snapshots
}

fn number(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// MySQL, whose InnoDB status leaves out transactions that have not written. Those that have not read yet are in it, too.
async fn in_performance_schema(watch: &mut Session) -> Result<Vec<Snapshot>, ServerError> {
    let sql = "SELECT th.processlist_id, tr.event_id FROM performance_schema.events_transactions_current tr \
               JOIN performance_schema.threads th ON th.thread_id = tr.thread_id \
               WHERE tr.state = 'ACTIVE' AND tr.autocommit = 'NO' AND th.processlist_id IS NOT NULL \
               AND tr.isolation_level IN ('REPEATABLE READ', 'SERIALIZABLE')";
    let rows: Vec<(u64, u64)> = watch.rows(sql).await?;
    let snapshot = |(connection, mark)| Some(Snapshot { connection: u32::try_from(connection).ok()?, mark });
    Ok(rows.into_iter().filter_map(snapshot).collect())
}

/// For people.
fn holder(processes: &[Process], connection: u32) -> String {
    let who = processes.iter().find(|process| process.id == connection).map(|process| {
        let place = if process.schema.is_empty() { String::new() } else { format!(" in {}", process.schema) };
        format!(" ({}{place})", process.user)
    });
    format!("connection {connection}{}, whose snapshot is older than the new table", who.unwrap_or_default())
}

fn failed(error: ServerError) -> Failure {
    server_failure("looking for snapshots older than the new table", &error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As MariaDB 11.8 prints it.
    const STATUS: &str = "\
TRANSACTIONS
------------
Trx id counter 10619891
LIST OF TRANSACTIONS FOR EACH SESSION:
---TRANSACTION 10619890, ACTIVE 0 sec
2 lock struct(s), heap size 1120, 1 row lock(s)
MariaDB thread id 11, OS thread handle 131377257793216, query id 23 127.0.0.1 root User sleep
select ' thread id 99',
sleep(2)
Trx read view will not see trx with id >= 10619889, sees < 10619888
---TRANSACTION 10619889, ACTIVE 1 sec
2 lock struct(s), heap size 1120, 1 row lock(s), undo log entries 1
MariaDB thread id 10, OS thread handle 140173438883520, query id 19 127.0.0.1 root User sleep
---TRANSACTION (0x7f7cad11bc80), ACTIVE 1 sec
0 lock struct(s), heap size 1120, 0 row lock(s)
MariaDB thread id 9, OS thread handle 140173439190720, query id 16 127.0.0.1 root
Trx read view will not see trx with id >= 10619891, sees < 10619891
---TRANSACTION (0x7f7cad119b80), not started
0 lock struct(s), heap size 1120, 0 row lock(s)
--------
";

    #[test]
    fn each_snapshot_is_that_of_its_connection() {
        let found = read_status(STATUS);
        assert_eq!(
            found,
            [Snapshot { connection: 11, mark: 10_619_889 }, Snapshot { connection: 9, mark: 10_619_891 }]
        );
    }

    #[test]
    fn a_view_without_a_connection_is_nobodys() {
        assert_eq!(read_status("Trx read view will not see trx with id >= 3, sees < 3\n"), []);
        assert_eq!(read_status("---TRANSACTION 1, ACTIVE\nMariaDB thread id x\nTrx read view will not see trx"), []);
    }
}
