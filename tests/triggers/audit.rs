//! A table whose triggers write down each time they fire, an application that writes it, and the comparison of both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::support::load::RETRYABLE;
use crate::support::{Program, Scenario, Server};

/// Sends a statement until it is not a deadlock's victim any more.
macro_rules! again {
    ($sent:expr) => {
        loop {
            match $sent {
                Ok(()) => break,
                Err(Error::Server(error)) if is_retryable(&error) => {}
                Err(error) => bail!(error),
            }
        }
    };
}

pub const ITEM: &str = "CREATE TABLE `Item` (`id` INTEGER NOT NULL AUTO_INCREMENT, `token` VARCHAR(40) NOT NULL, \
                        `total` INTEGER NOT NULL, PRIMARY KEY (`id`))";
/// Sorts before the table, as the tables that triggers write often do.
pub const AUDIT: &str = "CREATE TABLE `Audit` (`id` BIGINT NOT NULL AUTO_INCREMENT, `who` VARCHAR(20) NOT NULL, \
                         `event` VARCHAR(6) NOT NULL, `token` VARCHAR(40) NOT NULL, PRIMARY KEY (`id`))";

/// Event, timing, name, place in the order. Names sort otherwise than they fire.
const TRIGGERS: [(&str, &str, &str, &str); 10] = [
    ("INSERT", "BEFORE", "i_before", ""),
    ("INSERT", "AFTER", "i_after_a", ""),
    ("INSERT", "AFTER", "i_after_b", "PRECEDES `i_after_a`"),
    ("INSERT", "AFTER", "i_after_c", "FOLLOWS `i_after_b`"),
    ("UPDATE", "BEFORE", "u_before_b", ""),
    ("UPDATE", "BEFORE", "u_before_a", "FOLLOWS `u_before_b`"),
    ("UPDATE", "AFTER", "u_after", ""),
    ("DELETE", "BEFORE", "d_before", ""),
    ("DELETE", "AFTER", "d_after_b", ""),
    ("DELETE", "AFTER", "d_after_a", ""),
];

/// Who fires for each event, in order.
const FIRING: [(&str, &str); 3] = [
    ("insert", "i_before,i_after_b,i_after_c,i_after_a"),
    ("update", "u_before_b,u_before_a,u_after"),
    ("delete", "d_before,d_after_b,d_after_a"),
];

pub const SEEDS: u64 = 400;

/// The table with rows and triggers; the rows were there before the triggers.
pub async fn items(server: &Server, topic: &str) -> Result<Scenario> {
    let scenario = silent_items(server, topic).await?;
    give_triggers(&scenario).await?;
    Ok(scenario)
}

/// The triggers that write down when they fire.
pub async fn give_triggers(scenario: &Scenario) -> Result<()> {
    for (event, timing, name, place) in TRIGGERS {
        let row = if event == "DELETE" { "OLD" } else { "NEW" };
        // Some change the row as well.
        let set = if timing == "BEFORE" && row == "NEW" { "SET NEW.`total` = ABS(NEW.`total`);" } else { "" };
        scenario
            .execute(&format!(
                "CREATE TRIGGER `{name}` {timing} {event} ON `Item` FOR EACH ROW {place} BEGIN {set} \
                 INSERT INTO `Audit` (`who`, `event`, `token`) VALUES ('{name}', LOWER('{event}'), {row}.`token`); END"
            ))
            .await?;
    }
    Ok(())
}

/// The table without triggers.
pub async fn silent_items(server: &Server, topic: &str) -> Result<Scenario> {
    let scenario = Scenario::new(server, topic, &[ITEM, AUDIT]).await?;
    scenario.seed("Item", "token, total", "CONCAT('seed ', n), n", SEEDS).await?;
    Ok(scenario)
}

pub fn alter(scenario: &Scenario) -> Program {
    let clauses = "MODIFY `total` BIGINT NOT NULL, ADD COLUMN `size` INTEGER NULL";
    scenario.alter("Item", clauses, "wider").args(["--force-copy", "--max-rows-per-second", "1000"])
}

/// Eight connections that write until they are stopped.
pub struct Application {
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Result<Vec<Acknowledged>>>>,
}

/// The event and the token that the triggers write down.
type Acknowledged = (&'static str, String);

impl Application {
    pub async fn start(scenario: &Scenario) -> Result<Application> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers = Vec::new();
        for lane in 0..8 {
            let conn = scenario.connect().await?;
            let writer = Writer { conn, lane, count: 0, acknowledged: Vec::new() };
            writers.push(tokio::spawn(writer.run(Arc::clone(&stop))));
        }
        Ok(Application { stop, writers })
    }

    /// Stops it.
    async fn end(&mut self) -> Result<Vec<Acknowledged>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut acknowledged = Vec::new();
        for writer in self.writers.drain(..) {
            acknowledged.extend(writer.await??);
        }
        Ok(acknowledged)
    }

    /// Stops it where no trigger is that could write anything down.
    pub async fn stop_unaudited(mut self) -> Result<()> {
        self.end().await.map(drop)
    }

    /// Stops it, and fails unless every acknowledged write has fired each trigger of its event exactly once and in
    /// order, and nothing else has fired any.
    pub async fn stop(mut self, scenario: &Scenario) -> Result<usize> {
        let mut expected: BTreeMap<Acknowledged, &str> = BTreeMap::new();
        for (event, token) in self.end().await? {
            let firing = FIRING.into_iter().find(|(of, _)| *of == event).map_or("", |(_, who)| who);
            expected.insert((event, token), firing);
        }
        ensure!(!expected.is_empty(), "nothing was written, so nothing is proven");
        let mut conn = scenario.connect().await?;
        let sql = "SELECT `event`, `token`, GROUP_CONCAT(`who` ORDER BY `id`) FROM `Audit` GROUP BY `event`, `token`";
        let rows: Vec<(String, String, String)> = conn.query(sql).await?;
        let written = expected.len();
        for (event, token, who) in rows {
            let Some(event) = FIRING.into_iter().map(|(of, _)| of).find(|of| *of == event) else { bail!("{event}") };
            match expected.remove(&(event, token.clone())) {
                Some(firing) => ensure!(who == firing, "the {event} of {token} fired {who} instead of {firing}"),
                None => bail!("the {event} of {token}, which nobody made, fired {who}"),
            }
        }
        ensure!(
            expected.is_empty(),
            "{} writes fired nothing, such as {:?}",
            expected.len(),
            expected.first_key_value()
        );
        let negative: Option<u64> = conn.query_first("SELECT COUNT(*) FROM `Item` WHERE `total` < 0").await?;
        ensure!(negative == Some(0), "{negative:?} rows are not as a trigger made them");
        conn.disconnect().await?;
        Ok(written)
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.writers.iter().for_each(JoinHandle::abort);
    }
}

struct Writer {
    conn: Conn,
    lane: u64,
    count: u64,
    acknowledged: Vec<Acknowledged>,
}

impl Writer {
    async fn run(mut self, stop: Arc<AtomicBool>) -> Result<Vec<Acknowledged>> {
        while !stop.load(Ordering::Relaxed) {
            let written = match self.lane {
                0..4 => self.prepared().await,
                4..6 => self.text().await,
                _ => self.transaction().await,
            };
            written.with_context(|| {
                format!("writer {} behind {} acknowledged writes", self.lane, self.acknowledged.len())
            })?;
            // Busy, with quiet moments in which a lock can be got.
            sleep(Duration::from_millis(10)).await;
        }
        self.conn.disconnect().await?;
        Ok(self.acknowledged)
    }

    fn token(&mut self) -> String {
        self.count += 1;
        format!("{}-{}", self.lane, self.count)
    }

    /// A row that was there from the beginning and is written by this connection only.
    fn seed(&self) -> u64 {
        1 + self.lane + 8 * (self.count % (SEEDS / 8))
    }

    async fn prepared(&mut self) -> Result<()> {
        let (inserted, updated) = (self.token(), self.token());
        let (total, seed) = (-(self.count as i64), self.seed());
        let insert = "INSERT INTO `Item` (`token`, `total`) VALUES (?, ?)";
        again!(self.conn.exec_drop(insert, (&inserted, total)).await);
        self.acknowledged.push(("insert", inserted.clone()));
        let id = self.conn.last_insert_id();
        let update = "UPDATE `Item` SET `token` = ?, `total` = ? WHERE `id` = ?";
        again!(self.conn.exec_drop(update, (&updated, total, seed)).await);
        self.acknowledged.push(("update", updated));
        again!(self.conn.exec_drop("DELETE FROM `Item` WHERE `id` = ?", (id,)).await);
        self.acknowledged.push(("delete", inserted));
        Ok(())
    }

    async fn text(&mut self) -> Result<()> {
        let (updated, one, two) = (self.token(), self.token(), self.token());
        let seed = self.seed();
        let update = format!("UPDATE `Item` SET `token` = '{updated}', `total` = -`total` WHERE `id` = {seed}");
        again!(self.conn.query_drop(&update).await);
        self.acknowledged.push(("update", updated));
        let insert = format!("INSERT INTO `Item` (`token`, `total`) VALUES ('{one}', -1), ('{two}', -2)");
        again!(self.conn.query_drop(&insert).await);
        self.acknowledged.extend([("insert", one), ("insert", two)]);
        Ok(())
    }

    /// In the isolation that applications have by default, so that locks and snapshots outlive a statement.
    async fn transaction(&mut self) -> Result<()> {
        let (updated, inserted) = (self.token(), self.token());
        let seed = self.seed();
        loop {
            let whole = async {
                self.conn.query_drop("START TRANSACTION").await?;
                self.conn.query_drop(format!("SELECT `total` FROM `Item` WHERE `id` = {seed}")).await?;
                let update = format!("UPDATE `Item` SET `token` = '{updated}', `total` = 7 WHERE `id` = {seed}");
                self.conn.query_drop(update).await?;
                let insert = format!("INSERT INTO `Item` (`token`, `total`) VALUES ('{inserted}', -3)");
                self.conn.query_drop(insert).await?;
                self.conn.query_drop("COMMIT").await
            };
            match whole.await {
                Ok(()) => break,
                Err(Error::Server(error)) if is_retryable(&error) => self.conn.query_drop("ROLLBACK").await?,
                Err(error) => bail!(error),
            }
        }
        self.acknowledged.extend([("update", updated), ("insert", inserted)]);
        Ok(())
    }
}

fn is_retryable(error: &mysql_async::ServerError) -> bool {
    RETRYABLE.contains(&error.code)
}
