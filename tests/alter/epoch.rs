//! The epoch rule, and that it is needed: a batch of the change log is applied only after every chunk that was in
//! flight when the batch was read has committed.
//!
//! A chunk is held between its read and its end: another session has inserted a row into the shadow and not committed,
//! and the chunk waits for that one. Its statement has its snapshot by then. A row further on is deleted from the
//! original, which the log tells the applier. Both tests are the same but for one thing: which registry of chunks in
//! flight the applier looks at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Scenario, Server, on_every_server};
use anyhow::{Context, Result, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use replank::change::Change;
use replank::copy::Chunk;
use replank::copy::workers::copy_sql;
use replank::event;
use replank::mirror::applier::Stage;
use replank::mirror::{Applier, InFlight};
use replank::plan::{Artifacts, ColumnMapping, choose_key, read_clauses};
use replank::schema;
use replank::server::{Role, ServerError};
use replank::sql::{Ident, TableName};
use replank::tally::Tally;
use tokio::task::JoinHandle;
use tokio::time::sleep;

on_every_server!(a_deleted_row_stays_deleted, without_the_rule_a_deleted_row_comes_back);

const ITEM: &str = "CREATE TABLE `Item` (`id` INTEGER NOT NULL, `title` VARCHAR(20) NOT NULL, PRIMARY KEY (`id`))";
/// The chunk is rows 1 to 10; it waits at the first of these, and the second is deleted meanwhile.
const HELD: u32 = 5;
const DELETED: u32 = 8;

async fn a_deleted_row_stays_deleted(server: Server) -> Result<()> {
    let in_flight = Arc::new(InFlight::default());
    let mut stage = Setting::make(&server).await?;
    let chunk = stage.hold_chunk(&in_flight).await?;
    stage.delete_row().await?;
    let applier = stage.applier(in_flight).await?;
    let batch = apply_in_background(applier);
    sleep(Duration::from_millis(500)).await;
    ensure!(!batch.is_finished(), "the batch was applied while the chunk was in flight");
    ensure!(!chunk.is_finished(), "the chunk was not held");
    stage.let_go().await?;
    chunk.await??;
    ensure!(batch.await?? == 1, "the deletion was one batch of one row");
    stage.expect_shadow(&[1, 2, 3, 4, 5, 6, 7, 9, 10]).await
}

/// The same without the rule, which shows that the test above can fail.
async fn without_the_rule_a_deleted_row_comes_back(server: Server) -> Result<()> {
    let mut stage = Setting::make(&server).await?;
    let chunk = stage.hold_chunk(&Arc::new(InFlight::default())).await?;
    stage.delete_row().await?;
    let applier = stage.applier(Arc::new(InFlight::default())).await?;
    ensure!(apply_in_background(applier).await?? == 1, "nothing holds back an applier that knows of no chunk");
    ensure!(!chunk.is_finished(), "the chunk was not held");
    stage.let_go().await?;
    chunk.await??;
    stage.expect_shadow(&[1, 2, 3, 4, 5, 6, 7, DELETED, 9, 10]).await
}

/// A table that is being copied: shadow, change log and triggers are there, no row is copied.
struct Setting {
    scenario: Scenario,
    server: Arc<replank::server::Server>,
    change: Arc<Change>,
    /// Holds a row of the shadow.
    holder: Conn,
}

impl Setting {
    async fn make(server: &Server) -> Result<Setting> {
        let scenario = Scenario::new(server, "epoch", &[ITEM]).await?;
        scenario.seed("Item", "id, title", "n + 1, CONCAT('item ', n)", 10).await?;
        scenario.execute(&format!("CREATE DATABASE `{}`", scenario.bookkeeping())).await?;
        let server = replank::server::Server::open(server.opts(&scenario.schema)?.into()).await?;
        let mut session = server.session(Role::Work).await?;
        let name = TableName::new(&scenario.schema, "Item");
        let table = schema::inspect(&mut session, &name).await?.context("the table is there")?;
        let mapping = ColumnMapping::new(&read_clauses("FORCE")?, &table, &table);
        let key = choose_key(&table, &mapping)?;
        let names = Artifacts::new(&name)?;
        let change = Change::new(name, &Ident::new(scenario.bookkeeping()), &names, key, mapping, 1);
        session.execute(&format!("CREATE TABLE {} LIKE {}", change.shadow, change.original)).await?;
        session.execute(&change.log.create_sql()).await?;
        change.mirror.create(&mut session).await?;
        session.close().await;
        let holder = scenario.connect().await?;
        Ok(Setting { scenario, server, change: Arc::new(change), holder })
    }

    /// Starts the chunk and waits until it waits.
    async fn hold_chunk(&mut self, in_flight: &Arc<InFlight>) -> Result<JoinHandle<Result<u64, ServerError>>> {
        self.holder.query_drop("START TRANSACTION").await?;
        self.holder.query_drop(format!("INSERT INTO {} VALUES ({HELD}, 'held')", self.change.shadow)).await?;
        let mut session = self.server.session(Role::Work).await?;
        let connection = session.id();
        let up_to = self.change.key.value(vec!["10".to_owned()])?;
        let sql = copy_sql(&self.change, &Chunk { number: 0, after: None, up_to });
        // As a worker does it: registered before the statement is sent, given back when it has ended.
        let ticket = in_flight.enter();
        let chunk = tokio::spawn(async move {
            let copied = session.execute(&sql).await;
            drop(ticket);
            copied
        });
        let mut watch = self.scenario.connect().await?;
        let started = Instant::now();
        while !waits_for_a_row(&mut watch, connection).await? {
            ensure!(!chunk.is_finished() && started.elapsed() < Duration::from_secs(8), "the chunk did not wait");
            sleep(Duration::from_millis(10)).await;
        }
        Ok(chunk)
    }

    async fn delete_row(&self) -> Result<()> {
        self.scenario.execute(&format!("DELETE FROM `Item` WHERE id = {DELETED}")).await
    }

    async fn applier(&self, in_flight: Arc<InFlight>) -> Result<Applier> {
        let session = self.server.session(Role::Work).await?;
        let (events, _) = event::channel();
        let (change, tally) = (Arc::clone(&self.change), Arc::new(Tally::default()));
        Ok(Applier::new(session, change, in_flight, Stage::Copying, events, tally))
    }

    /// The row that held the chunk is gone, and the chunk goes on.
    async fn let_go(&mut self) -> Result<()> {
        Ok(self.holder.query_drop("ROLLBACK").await?)
    }

    async fn expect_shadow(&mut self, expected: &[u32]) -> Result<()> {
        let shadow: Vec<u32> = self.holder.query(format!("SELECT id FROM {} ORDER BY id", self.change.shadow)).await?;
        ensure!(shadow == expected, "the shadow has the rows {shadow:?} instead of {expected:?}");
        let log = format!("SELECT COUNT(*) FROM {}", self.change.log.table);
        ensure!(self.holder.query_first::<u64, _>(log).await? == Some(0), "the log was not consumed");
        Ok(())
    }
}

/// Whether a connection waits for a row lock. Not from information_schema.innodb_trx, whose content is only renewed when
/// nobody has read it for a tenth of a second.
async fn waits_for_a_row(watch: &mut Conn, connection: u32) -> Result<bool> {
    let status: Option<(String, String, String)> = watch.query_first("SHOW ENGINE INNODB STATUS").await?;
    let (_, _, status) = status.context("InnoDB has a status")?;
    let thread = format!("thread id {connection},");
    Ok(status.split("---TRANSACTION").any(|trx| trx.contains("LOCK WAIT") && trx.contains(&thread)))
}

fn apply_in_background(mut applier: Applier) -> JoinHandle<replank::error::Result<usize>> {
    tokio::spawn(async move { applier.apply_batch().await })
}
