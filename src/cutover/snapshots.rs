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
const CLEAR_WINDOWS: u32 = 20;

/// Those of them that are given back when the RENAME waits already.
const LATE_WINDOWS: u32 = 3;

/// How long those are waited for that a window was given back for, at most.
const NEWER_PATIENCE: Duration = Duration::from_secs(1);

/// A snapshot that a connection has open: the same one as long as both are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Snapshot {
    connection: u32,
    /// MariaDB: the first transaction that it does not see. MySQL: the number of the transaction in its thread.
    mark: u64,
}

/// Which snapshots keep the window from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Those of transactions that are between two statements, which InnoDB's list of transactions is not needed for.
    BetweenStatements,
    /// All.
    All,
    /// Those that the look before found in the middle of a statement. So much was done in the window by then that it is
    /// given back a few times only.
    AllAtLast,
}

/// Those that the cutover waits for.
pub(super) struct Older {
    /// Those that were there when it began, and are there still; `None` until they were looked for.
    left: Option<BTreeSet<Snapshot>>,
    since: Instant,
    looks: u32,
    /// MariaDB: those for which a window was given back, and since when.
    newer: BTreeSet<Snapshot>,
    given_back: Option<Instant>,
    windows: u32,
    late: u32,
    in_statement: BTreeSet<Snapshot>,
    /// MariaDB: those that end with the statement which their connection had.
    passing: BTreeSet<Snapshot>,
}

impl Older {
    pub(super) fn new() -> Older {
        Older {
            left: None,
            since: Instant::now(),
            looks: 0,
            newer: BTreeSet::new(),
            given_back: None,
            windows: 0,
            late: 0,
            in_statement: BTreeSet::new(),
            passing: BTreeSet::new(),
        }
    }

    /// Whether all have ended; waits a moment where not, and fails when patience is over. The first call only finds them: the
    /// log has been drained to a few rows, which is all that later ones can miss. Without the right to look there are none.
    pub(super) async fn have_ended(&mut self, run: &Run, watch: &mut Session) -> Result<bool> {
        let Some(left) = &mut self.left else {
            let found = open(watch).await.map_err(failed)?;
            if let Some(reason) = found.as_ref().err() {
                run.events.notice(format!("snapshots that are older than the new table are not waited for: {reason}"));
            }
            self.left = Some(found.unwrap_or_default().into_iter().collect());
            return Ok(false);
        };
        // A window was given back for those of the last milliseconds, which is worth a short wait only.
        if self.given_back.is_some_and(|since| since.elapsed() > NEWER_PATIENCE) {
            self.newer.clear();
        }
        if left.is_empty() && self.newer.is_empty() {
            return Ok(true);
        }
        let now = open(watch).await.map_err(failed)?.unwrap_or_default();
        left.retain(|snapshot| now.contains(snapshot));
        self.newer.retain(|snapshot| now.contains(snapshot));
        let processes = watch.processes().await.map_err(failed)?;
        let left: Vec<Snapshot> = left.iter().chain(&self.newer).cloned().collect();
        let left = self.without_passing(left, &processes);
        if left.is_empty() {
            return Ok(true);
        }
        let passing = passing(watch, &left, &processes).await.map_err(failed)?;
        self.passing.extend(passing);
        let left = self.without_passing(left, &processes);
        let first = left.iter().find(|snapshot| !self.newer.contains(snapshot));
        if let Some(first) = first {
            let holder = holder(&processes, first.connection);
            if self.since.elapsed() > run.options.lock_patience {
                return Err(not_ended(run, first.connection, holder));
            }
            self.looks += 1;
            run.events.emit(Event::LockAttempt {
                purpose: Purpose::Cutover.to_string(),
                attempt: self.looks,
                granted: false,
                pending: Duration::ZERO,
                blocker: Some(holder),
            });
        }
        // Also where none is left: the window may need a list of transactions that nobody has read just before.
        tokio::time::sleep(LOOK).await;
        Ok(false)
    }

    /// MariaDB, inside the window, when the log is drained: whether no transaction of the table's schema is older than that.
    /// Those that have used the table have ended, or the lock would not have been granted. Where not, the window is to be
    /// given back.
    pub(super) async fn are_clear(
        &mut self,
        run: &Run,
        watch: &mut Session,
        own: u32,
        of: Which,
    ) -> Result<bool, ServerError> {
        if self.windows >= CLEAR_WINDOWS || of == Which::AllAtLast && self.late >= LATE_WINDOWS {
            return Ok(true);
        }
        let mut open = open(watch).await?.unwrap_or_default();
        open.retain(|snapshot| snapshot.connection != own);
        if of == Which::AllAtLast {
            // Others have begun since the log was drained.
            open.retain(|snapshot| self.in_statement.contains(snapshot));
        }
        if open.is_empty() {
            return Ok(true);
        }
        let schema = run.change.original.schema.as_str();
        let processes = watch.processes().await?;
        let of_schema = |snapshot: &Snapshot| {
            let process = processes.iter().find(|process| process.id == snapshot.connection);
            process.is_some_and(|process| process.schema.eq_ignore_ascii_case(schema))
        };
        open.retain(of_schema);
        let mut open = self.without_passing(open, &processes);
        let passing = match of {
            Which::All | Which::AllAtLast => passing(watch, &open, &processes).await?,
            Which::BetweenStatements => {
                let (in_statement, between): (Vec<_>, Vec<_>) =
                    open.into_iter().partition(|snapshot| runs_statement(&processes, snapshot.connection));
                self.in_statement = in_statement.into_iter().collect();
                open = between;
                Vec::new()
            }
        };
        let open: BTreeSet<Snapshot> = open.into_iter().filter(|snapshot| !passing.contains(snapshot)).collect();
        if open.is_empty() {
            return Ok(true);
        }
        self.windows += 1;
        self.late += u32::from(of == Which::AllAtLast);
        self.given_back = Some(Instant::now());
        self.newer = open;
        Ok(false)
    }

    /// Without those that end with the statement which they have now, whose tables are opened already. Definitions are some
    /// of these: both servers show them like transactions that go on.
    fn without_passing(&self, mut snapshots: Vec<Snapshot>, processes: &[Process]) -> Vec<Snapshot> {
        let defines = |snapshot: &Snapshot| {
            processes.iter().any(|process| process.id == snapshot.connection && process.commits_first())
        };
        snapshots.retain(|snapshot| !defines(snapshot) && !self.passing.contains(snapshot));
        snapshots
    }
}

fn not_ended(run: &Run, connection: u32, holder: String) -> Failure {
    let table = &run.change.original;
    let what = format!("no quiet moment on {table} for the cutover within {} s", run.options.lock_patience.as_secs());
    Failure::new(Stop::LockNotGranted, what)
        .table("untouched; what was copied is kept, and its triggers go on logging what is written")
        .next(format!(
            "when that transaction is over (a dump, a report?), or ended by `KILL {connection}`: `replank resume {}`",
            table.argument()
        ))
        .cause(format!("after a swap, {holder}, could read a part of the rows only"))
}

/// MariaDB: those of them that a SELECT of its own has, or one statement of a READ COMMITTED transaction. MySQL's are found
/// without these.
async fn passing(
    watch: &mut Session,
    snapshots: &[Snapshot],
    processes: &[Process],
) -> Result<Vec<Snapshot>, ServerError> {
    if snapshots.is_empty() || watch.server().facts.flavor == Flavor::MySql {
        return Ok(Vec::new());
    }
    let sql = "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx \
               WHERE trx_autocommit_non_locking = 1 OR trx_isolation_level LIKE 'READ %'";
    let single: Vec<u64> = watch.rows(sql).await?;
    // The list may be older than a transaction that its connection has begun since.
    let is_passing = |snapshot: &&Snapshot| {
        single.contains(&u64::from(snapshot.connection)) && runs_statement(processes, snapshot.connection)
    };
    Ok(snapshots.iter().filter(is_passing).cloned().collect())
}

fn runs_statement(processes: &[Process], connection: u32) -> bool {
    processes.iter().any(|process| process.id == connection && !process.statement.is_empty())
}

/// Those that are open, or why nobody can know.
async fn open(watch: &mut Session) -> Result<std::result::Result<Vec<Snapshot>, &'static str>, ServerError> {
    let (found, unseen) = match watch.server().facts.flavor {
        Flavor::MariaDb => (in_innodb_status(watch).await, "the account lacks PROCESS"),
        Flavor::MySql => (in_performance_schema(watch).await, "the account may not read performance_schema"),
    };
    match found {
        Ok(found) if found.is_empty() && !are_noted(watch).await? => {
            Ok(Err("performance_schema does not note transactions"))
        }
        Ok(found) => Ok(Ok(found)),
        Err(error) if error.is_any(&errno::DENIED) => Ok(Err(unseen)),
        Err(error) => Err(error),
    }
}

/// MySQL: whether transactions are noted at all.
async fn are_noted(watch: &mut Session) -> Result<bool, ServerError> {
    if watch.server().facts.flavor == Flavor::MariaDb {
        return Ok(true);
    }
    let sql = "SELECT COUNT(*) FROM performance_schema.setup_instruments i JOIN performance_schema.setup_consumers c \
               ON c.name IN ('global_instrumentation', 'thread_instrumentation', 'events_transactions_current') \
               AND c.enabled = 'YES' WHERE i.name = 'transaction' AND i.enabled = 'YES'";
    match watch.first_row::<u64>(sql).await {
        Ok(levels) => Ok(levels == Some(3)),
        // What may not be read is taken for what it is by default.
        Err(error) if error.is_any(&errno::DENIED) => Ok(true),
        Err(error) => Err(error),
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
