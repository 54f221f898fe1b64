//! The catch-up before the index build: the shadow is a part of one moment of the original, so that no unique value is
//! in it twice, whatever is written between the statements of the catch-up.

use std::sync::Arc;

use crate::intercept::{Intercept, Then};
use crate::support::{Scenario, Server, on_every_server};
use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use replank::change::Change;
use replank::event;
use replank::mirror::applier::Stage;
use replank::mirror::{Applier, InFlight};
use replank::plan::{Artifacts, ColumnMapping, choose_key, read_clauses};
use replank::schema;
use replank::server::{Role, Server as Opened};
use replank::sql::{Ident, TableName};
use replank::tally::Tally;
use tokio_util::sync::CancellationToken;

on_every_server!(a_key_that_comes_back_leaves_no_stale_row);

const ITEM: &str = "CREATE TABLE `Item` (`id` INTEGER NOT NULL, `title` VARCHAR(20) NOT NULL, PRIMARY KEY (`id`))";

/// Row 5 becomes row 11. When the catch-up has looked for rows to replace, and before it looks for those that are gone,
/// there is a row 5 again, with another title.
async fn a_key_that_comes_back_leaves_no_stale_row(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "catch_up", &[ITEM]).await?;
    scenario.seed("Item", "id, title", "n + 1, CONCAT('item ', n + 1)", 10).await?;
    scenario.execute(&format!("CREATE DATABASE `{}`", scenario.bookkeeping())).await?;
    let item = format!("`{}`.`Item`", scenario.schema);
    // The first look at the log belongs to the batches before.
    let beginnings = ["SELECT `seq`", "SELECT `seq`", "SELECT batch"];
    let writes = vec![
        String::new(),
        format!("UPDATE {item} SET id = 11 WHERE id = 5"),
        format!("INSERT INTO {item} VALUES (5, 'another')"),
    ];
    let way = Intercept::start(&server, &beginnings, Then::Firsts(writes)).await?;
    let server = Opened::open(mysql_async::Opts::from_url(&way.url(&scenario)?)?).await?;
    let mut session = server.session(Role::Work).await?;
    let name = TableName::new(&scenario.schema, "Item");
    let table = schema::inspect(&mut session, &name).await?.context("the table is there")?;
    let mapping = ColumnMapping::new(&read_clauses("FORCE")?, &table, &table);
    let key = choose_key(&table, &mapping)?;
    let bookkeeping = Ident::new(scenario.bookkeeping());
    let change = Arc::new(Change::new(name.clone(), &bookkeeping, &Artifacts::new(&name)?, key, mapping, 1));
    for sql in [
        format!("CREATE TABLE {} LIKE {}", change.shadow, change.original),
        format!("INSERT INTO {} SELECT * FROM {}", change.shadow, change.original),
        change.log.create_sql(),
    ] {
        session.execute(&sql).await?;
    }
    change.mirror.create(&mut session).await?;
    let (events, _) = event::channel();
    let (in_flight, tally) = (Arc::new(InFlight::default()), Arc::new(Tally::default()));
    let mut applier = Applier::new(session, Arc::clone(&change), in_flight, Stage::Copying, events, tally);
    applier.catch_up(&CancellationToken::new()).await?;
    ensure!(way.has_met(), "the row did not come back");
    let mut conn = scenario.connect().await?;
    let twice = format!("SELECT title FROM {} GROUP BY title HAVING COUNT(*) > 1", change.shadow);
    let twice: Vec<String> = conn.query(twice).await?;
    ensure!(twice.is_empty(), "the shadow has twice: {twice:?}");
    // What came back is logged, and comes with the next batch.
    ensure!(applier.apply_batch().await? == 1, "the row that came back was not in the log any more");
    let missing = format!("SELECT COUNT(*) FROM `Item` JOIN {} USING (id, title)", change.shadow);
    ensure!(conn.query_first::<u64, _>(missing).await? == Some(11), "the shadow is not what the original is");
    Ok(())
}
