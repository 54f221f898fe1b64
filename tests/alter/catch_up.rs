//! The applier's batches, and the catch-up before the index build: the shadow is a part of one moment of the original, so
//! that no unique value is in it twice, whatever is written between the statements of the catch-up.

use std::sync::Arc;
use std::time::Duration;

use crate::intercept::{Intercept, Then};
use crate::support::{Scenario, Server, on_every_server};
use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;
use replank::change::Change;
use replank::event;
use replank::mirror::applier::Stage;
use replank::mirror::{Applier, InFlight};
use replank::plan::{Artifacts, ColumnMapping, choose_key, read_clauses};
use replank::schema;
use replank::server::{Role, Server as Opened, Session};
use replank::sql::{Ident, TableName};
use replank::tally::Tally;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

on_every_server!(
    a_key_that_comes_back_leaves_no_stale_row,
    values_that_moved_through_a_long_log,
    a_value_that_is_there_twice,
    a_number_that_is_waited_for_too_long
);

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
    let (change, mut applier) = applier(&way.url(&scenario)?, &scenario, Stage::Copying).await?;
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

/// An applier of a table `Item` whose rows are all in the shadow, and whose writes are logged from now on.
async fn applier(url: &str, scenario: &Scenario, stage: Stage) -> Result<(Arc<Change>, Applier)> {
    let (change, session) = mirrored(url, scenario, "FORCE").await?;
    let (events, _) = event::channel();
    let (in_flight, tally) = (Arc::new(InFlight::default()), Arc::new(Tally::default()));
    Ok((Arc::clone(&change), Applier::new(session, change, in_flight, stage, events, tally)))
}

/// The change of that table by some clauses, and a session for its applier.
async fn mirrored(url: &str, scenario: &Scenario, clauses: &str) -> Result<(Arc<Change>, Session)> {
    let server = Opened::open(mysql_async::Opts::from_url(url)?).await?;
    let mut session = server.session(Role::Work).await?;
    let name = TableName::new(&scenario.schema, "Item");
    let table = schema::inspect(&mut session, &name).await?.context("the table is there")?;
    let (names, bookkeeping) = (Artifacts::new(&name)?, Ident::new(scenario.bookkeeping()));
    let shadow = TableName::new(&scenario.schema, names.shadow.as_str());
    session.execute(&format!("CREATE TABLE {shadow} LIKE {name}")).await?;
    session.execute(&format!("ALTER TABLE {shadow} {clauses}")).await?;
    let target = schema::inspect(&mut session, &shadow).await?.context("the shadow is there")?;
    let mapping = ColumnMapping::new(&read_clauses(clauses)?, &table, &target);
    let key = choose_key(&table, &mapping)?;
    let change = Arc::new(Change::new(name, &bookkeeping, &names, key, mapping, 1));
    let (columns, values) = (change.target_columns(), change.source_columns());
    for sql in
        [format!("INSERT INTO {shadow} ({columns}) SELECT {values} FROM {}", change.original), change.log.create_sql()]
    {
        session.execute(&sql).await?;
    }
    change.mirror.create(&mut session).await?;
    Ok((change, session))
}

const CODED: &str = "CREATE TABLE `Item` (`id` INTEGER NOT NULL, `code` INTEGER NOT NULL, PRIMARY KEY (`id`), \
                     UNIQUE KEY `Item_code` (`code`))";
/// Far more than one batch.
const MANY: u64 = 9_000;

async fn coded(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "clash", &[CODED]).await?;
    scenario.seed("Item", "id, code", "n + 1, n + 1", MANY).await?;
    scenario.execute(&format!("CREATE DATABASE `{}`", scenario.bookkeeping())).await?;
    Ok(scenario)
}

/// Every row has taken over the code of another one, which the log names thousands of entries later; and pairs
/// of rows exchange theirs while the log is applied.
async fn values_that_moved_through_a_long_log(server: Server) -> Result<()> {
    let scenario = coded(&server).await?;
    let (change, mut applier) = applier(&scenario.url(), &scenario, Stage::Settled).await?;
    let mut conn = scenario.connect().await?;
    conn.query_drop(format!("UPDATE `Item` SET code = code + {MANY}")).await?;
    conn.query_drop(format!("UPDATE `Item` SET code = {} - code", 2 * MANY + 1)).await?;
    let mut busy = scenario.connect().await?;
    let moving = tokio::spawn(async move {
        for number in 0..200_u64 {
            let (one, other) = (number * 37 % MANY + 1, number * 53 % MANY + 2);
            let both = format!("SELECT id, code FROM `Item` WHERE id IN ({one}, {other}) FOR UPDATE");
            busy.query_drop("START TRANSACTION").await?;
            let rows: Vec<(u64, i64)> = busy.query(both).await?;
            if let [(first, code), (second, taken)] = rows[..] {
                busy.query_drop(format!("UPDATE `Item` SET code = -1 WHERE id = {first}")).await?;
                busy.query_drop(format!("UPDATE `Item` SET code = {code} WHERE id = {second}")).await?;
                busy.query_drop(format!("UPDATE `Item` SET code = {taken} WHERE id = {first}")).await?;
            }
            busy.query_drop("COMMIT").await?;
        }
        busy.disconnect().await
    });
    let mut applied = 0;
    while !moving.is_finished() {
        applied += applier.apply_batch().await?;
    }
    moving.await??;
    loop {
        match applier.apply_batch().await? {
            0 => break,
            more => applied += more,
        }
    }
    ensure!(applied as u64 >= 2 * MANY, "only {applied} entries were applied");
    let differ =
        format!("SELECT COUNT(*) FROM `Item` LEFT JOIN {} s USING (id, code) WHERE s.id IS NULL", change.shadow);
    ensure!(conn.query_first::<u64, _>(differ).await? == Some(0), "rows are missing in the shadow");
    let count = format!("SELECT COUNT(*) FROM {}", change.shadow);
    ensure!(conn.query_first::<u64, _>(count).await? == Some(MANY), "the shadow has other rows, too");
    Ok(())
}

/// A clash that no other entry of the log explains is believed, and soon.
async fn a_value_that_is_there_twice(server: Server) -> Result<()> {
    let scenario = coded(&server).await?;
    let (change, mut applier) = applier(&scenario.url(), &scenario, Stage::Settled).await?;
    let mut conn = scenario.connect().await?;
    conn.query_drop("ALTER TABLE `Item` DROP INDEX `Item_code`").await?;
    conn.query_drop(format!("UPDATE `Item` SET code = code + {MANY} WHERE id > 5")).await?;
    // Row 3 is in no entry, and its row in the shadow is as it should be.
    conn.query_drop("UPDATE `Item` SET code = 3 WHERE id = 8000").await?;
    let failure = loop {
        match applier.apply_batch().await {
            Ok(0) => bail!("a code that is there twice was applied"),
            Ok(_) => {}
            Err(failure) => break failure,
        }
    };
    ensure!(failure.what.contains("break a unique index"), "{failure}");
    let kept = format!("SELECT COUNT(*) FROM {} WHERE code = 3 AND id = 3", change.shadow);
    ensure!(conn.query_first::<u64, _>(kept).await? == Some(1), "the row that was right is gone");
    Ok(())
}

/// A column of the new definition gets its values from the server, whose counter another statement holds to its end where
/// innodb_autoinc_lock_mode is 1. Whoever waits for it too long, or is the victim of a deadlock around it, is told that
/// the counter could not be read (1467).
async fn a_number_that_is_waited_for_too_long(server: Server) -> Result<()> {
    let numbered = "ADD COLUMN `number` INTEGER NOT NULL AUTO_INCREMENT, ADD UNIQUE KEY (`number`)";
    let scenario = coded(&server).await?;
    let (change, mut session) = mirrored(&scenario.url(), &scenario, numbered).await?;
    session.execute("SET SESSION innodb_lock_wait_timeout = 1").await?;
    let mut conn = scenario.connect().await?;
    let mode: u8 = conn.query_first("SELECT @@innodb_autoinc_lock_mode").await?.context("it is a number")?;
    // The second row waits for a lock that the test gives up, and the statement has the counter by then.
    let gate = format!("'{}'", scenario.schema);
    conn.query_drop(format!("DO GET_LOCK({gate}, 0)")).await?;
    let slow = format!(
        "INSERT INTO {} (id, code) SELECT n, n + IF(n = -1, 0, GET_LOCK({gate}, 60)) \
         FROM (SELECT -1 n UNION ALL SELECT -3) rows_",
        change.shadow
    );
    let mut holder = scenario.connect().await?;
    let holding = tokio::spawn(async move {
        holder.query_drop("START TRANSACTION").await?;
        holder.query_drop(slow).await?;
        holder.query_drop("ROLLBACK").await?;
        holder.disconnect().await
    });
    let waits = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock' AND db = DATABASE()";
    while conn.query_first::<u64, _>(waits).await? == Some(0) {
        ensure!(!holding.is_finished(), "the counter was not held");
        sleep(Duration::from_millis(10)).await;
    }
    conn.query_drop("UPDATE `Item` SET code = 50000 WHERE id = 3").await?;
    let (events, told) = event::channel();
    let (in_flight, tally) = (Arc::new(InFlight::default()), Arc::new(Tally::default()));
    let mut applier = Applier::new(session, Arc::clone(&change), in_flight, Stage::Copying, events, tally);
    let applying = tokio::spawn(async move { applier.apply_batch().await });
    let mut retried = false;
    while !retried && !applying.is_finished() {
        retried = told.facts.try_iter().any(|event| format!("{event:?}").contains("ERROR 1467"));
        sleep(Duration::from_millis(10)).await;
    }
    conn.query_drop(format!("DO RELEASE_LOCK({gate})")).await?;
    ensure!(applying.await?? == 1, "the write was not applied");
    ensure!(retried == (mode == 1), "retried: {retried}, where innodb_autoinc_lock_mode is {mode}");
    holding.await??;
    let applied = format!("SELECT COUNT(*) FROM {} WHERE code = 50000 AND id = 3", change.shadow);
    ensure!(conn.query_first::<u64, _>(applied).await? == Some(1), "the row is not what was written");
    Ok(())
}
