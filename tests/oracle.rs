//! The tests' own instruments: a load without a change must leave a table that the oracle finds right, and the oracle
//! must find every kind of wrong row. Without this, a green suite would prove nothing.

mod support;

use std::time::Duration;

use anyhow::{Result, ensure};
use support::load::{Cell, Column, Fill, Key, Load, Mapping, Plan, Shape, Written};
use support::{Scenario, Server, on_every_server};

on_every_server!(a_load_without_a_change_is_right, every_wrong_row_is_found, text_and_pair_keys_are_followed);

const ORDER: &str = "CREATE TABLE `Order` (
    `id` BIGINT NOT NULL AUTO_INCREMENT,
    `userId` INTEGER NOT NULL,
    `total` DECIMAL(10, 2) NOT NULL,
    `note` VARCHAR(191) NULL,
    `status` ENUM('open', 'paid', 'sent') NOT NULL DEFAULT 'open',
    `placedAt` DATETIME(3) NOT NULL,
    `reference` VARCHAR(64) NOT NULL,
    `legacy` VARCHAR(20) NULL DEFAULT 'none',
    UNIQUE INDEX `Order_reference_key`(`reference`),
    INDEX `Order_userId_idx`(`userId`),
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

fn order() -> Shape {
    let column = |name, fill| Column { name, fill };
    Shape {
        table: "Order",
        key: Key::Auto("id"),
        columns: vec![
            column("userId", Fill::Below(5_000)),
            column("total", Fill::Amount),
            column("note", Fill::Words),
            column("status", Fill::OneOf(&["open", "paid", "sent"])),
            column("placedAt", Fill::Moment),
            column("reference", Fill::Unique),
            column("legacy", Fill::Untouched(Cell::Text("none".to_owned()))),
        ],
    }
}

async fn seeded(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "oracle", &[ORDER]).await?;
    let expressions = format!(
        "{}, n % 5000, n % 1000 + 0.25, CONCAT('note ', n), ELT(n % 3 + 1, 'open', 'paid', 'sent'), \
         '2026-01-01' + INTERVAL n SECOND, CONCAT('s-', n), CONCAT('old ', n)",
        order().seed_key()
    );
    let columns = "id, userId, total, note, status, placedAt, reference, legacy";
    scenario.seed("Order", columns, &expressions, 5_000).await?;
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
    let written = written(&scenario, order()).await?;
    let verdict = support::oracle::expect_contents(&mut scenario.connect().await?, "`Order`", &written).await?;
    ensure!(written.record.errors.is_empty(), "{:?}", written.record.errors.first());
    ensure!(verdict.acknowledged > 100, "only {} writes in two seconds", verdict.acknowledged);
    Ok(())
}

async fn every_wrong_row_is_found(server: Server) -> Result<()> {
    let scenario = seeded(&server).await?;
    let written = written(&scenario, order()).await?;
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
    let row = "5, 1, NULL, 'open', '2026-01-01', 'x', 'none'";
    for (damage, repair, lost, foreign, wrong) in [
        (format!("UPDATE `Order` SET note = 'x' WHERE id = {untouched}"), None, 0, 0, 1),
        (format!("UPDATE `Order` SET legacy = NULL WHERE id = {touched}"), None, 0, 0, 2),
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
    let article = "CREATE TABLE `Article` (
        `sku` VARCHAR(64) NOT NULL,
        `stock` INTEGER NOT NULL,
        PRIMARY KEY (`sku`)
    ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";
    let pair = "CREATE TABLE `_TagToPost` (
        `A` INTEGER NOT NULL,
        `B` INTEGER NOT NULL,
        UNIQUE INDEX `_TagToPost_AB_unique`(`A`, `B`),
        INDEX `_TagToPost_B_index`(`B`)
    ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";
    let scenario = Scenario::new(&server, "keys", &[article, pair]).await?;
    let stock = Column { name: "stock", fill: Fill::Below(1_000) };
    let articles = Shape { table: "Article", key: Key::Text("sku"), columns: vec![stock] };
    let pairs = Shape { table: "_TagToPost", key: Key::Pair("A", "B"), columns: Vec::new() };
    scenario.seed("Article", "sku, stock", &format!("{}, n", articles.seed_key()), 2_000).await?;
    scenario.seed("_TagToPost", "A, B", &pairs.seed_key(), 2_000).await?;
    for shape in [articles, pairs] {
        let table = format!("`{}`", shape.table);
        let written = written(&scenario, shape).await?;
        support::oracle::expect_contents(&mut scenario.connect().await?, &table, &written).await?;
        ensure!(written.record.unretryable().is_empty(), "{:?}", written.record.errors.first());
    }
    Ok(())
}
