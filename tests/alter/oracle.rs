//! The tests' own instruments: a load without a change must leave a table that the oracle finds right, and the oracle
//! must find every kind of wrong row. Without this, a green suite would prove nothing.

use std::time::Duration;

use crate::support::load::{Load, Mapping, Plan, Shape, Written};
use crate::support::{Scenario, Server, on_every_server, shop};
use anyhow::{Result, ensure};

on_every_server!(a_load_without_a_change_is_right, every_wrong_row_is_found, text_and_pair_keys_are_followed);

async fn seeded(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "oracle", &[shop::ORDER]).await?;
    shop::seed_orders(&scenario, 5_000).await?;
    Ok(scenario)
}

async fn written(scenario: &Scenario, shape: Shape) -> Result<Written> {
    let mapping = Mapping::identity(&shape);
    let load = Load::start(&scenario.server, &scenario.schema, shape, mapping, &Plan::saturating(7)).await?;
    load.during(Duration::from_secs(2)).await;
    load.stop().await
}

async fn a_load_without_a_change_is_right(server: Server) -> Result<()> {
    let scenario = seeded(&server).await?;
    let written = written(&scenario, shop::orders()).await?;
    let verdict = crate::support::oracle::expect_contents(&mut scenario.connect().await?, "`Order`", &written).await?;
    // A server may let sessions of the application alone meet in a deadlock. They are known for that.
    let unexcused = written.record.unexcused(&[]);
    ensure!(unexcused.is_empty(), "{unexcused:?}");
    ensure!(verdict.acknowledged > 100, "only {} writes in two seconds", verdict.acknowledged);
    Ok(())
}

async fn every_wrong_row_is_found(server: Server) -> Result<()> {
    let scenario = seeded(&server).await?;
    let written = written(&scenario, shop::orders()).await?;
    let untouched = (Shape::FIRST_SEED..).find(|number| written.ledger.get(*number).is_none()).unwrap_or_default();
    let touched = written
        .ledger
        .seeds
        .numbers()
        .find(|number| written.ledger.get(*number).is_some_and(|expected| expected.row().is_some()));
    let deleted = written
        .ledger
        .seeds
        .numbers()
        .find(|number| written.ledger.get(*number).is_some_and(|expected| expected.is_absent()));
    let (touched, deleted) = (touched.unwrap_or_default(), deleted.unwrap_or_default());
    let row = "5, 5, 1, 1, 'open', NULL, 'x', 'none', '2026-01-01'";
    for (damage, repair, lost, foreign, wrong) in [
        (format!("UPDATE `Order` SET note = 'x' WHERE id = {untouched}"), None, 0, 0, 1),
        (format!("UPDATE `Order` SET coupon = 'x' WHERE id = {touched}"), None, 0, 0, 2),
        (format!("DELETE FROM `Order` WHERE id = {untouched}"), None, 1, 0, 1),
        (format!("DELETE FROM `Order` WHERE id = {touched}"), None, 2, 0, 0),
        (
            format!("INSERT INTO `Order` VALUES ({deleted}, {row})"),
            Some(format!("DELETE FROM `Order` WHERE id = {deleted}")),
            2,
            1,
            0,
        ),
        (format!("INSERT INTO `Order` VALUES (99999999, {row})"), None, 2, 1, 0),
    ] {
        scenario.execute(&damage).await?;
        let verdict = written.ledger.check(&mut scenario.connect().await?, "`Order`").await?;
        let found = (verdict.lost.len(), verdict.foreign.len(), verdict.wrong.len());
        ensure!(found == (lost, foreign, wrong), "after {damage}: {found:?} lost, foreign and wrong rows");
        if let Some(repair) = repair {
            scenario.execute(&repair).await?;
        }
    }
    Ok(())
}

async fn text_and_pair_keys_are_followed(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "keys", &[shop::ARTICLE, shop::TAG_TO_POST]).await?;
    shop::seed_articles(&scenario, 2_000).await?;
    shop::seed_tags_of_posts(&scenario, 2_000).await?;
    for shape in [shop::articles(), shop::tags_of_posts()] {
        let table = format!("`{}`", shape.table);
        let written = written(&scenario, shape).await?;
        crate::support::oracle::expect_contents(&mut scenario.connect().await?, &table, &written).await?;
        ensure!(written.record.unretryable().is_empty(), "{:?}", written.record.errors.first());
    }
    Ok(())
}
