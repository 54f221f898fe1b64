//! Verification finds what does not belong and repairs it: rows changed, removed and added in the shadow by a hand that
//! is not replank's.

use crate::intercept::{Intercept, Then};
use crate::support::{Kind, Outcome, Program, Scenario, Server, on_every_server, oracle, residue, shop, tables};
use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

on_every_server!(
    foreign_hands_in_the_shadow_are_repaired,
    flipped_bits_are_found,
    values_that_move_are_found,
    rows_that_come_and_go_are_found,
    odd_conversions_are_compared_as_they_are_made,
    what_cannot_be_repaired_stops_the_run,
);

const ROWS: u64 = 20_000;

async fn foreign_hands_in_the_shadow_are_repaired(server: Server) -> Result<()> {
    let scenario = Scenario::new(&server, "verify", &[shop::ORDER]).await?;
    shop::seed_orders(&scenario, ROWS).await?;
    let mut conn = scenario.connect().await?;
    let ids: Vec<u64> = conn.query("SELECT id FROM `Order` ORDER BY id LIMIT 400").await?;
    // A gap inside the copied range, for a row that only the shadow has.
    conn.query_drop(format!("DELETE FROM `Order` WHERE id = {}", ids[300])).await?;
    let clauses = "MODIFY `quantity` BIGINT NOT NULL DEFAULT 1";
    let program = scenario.alter("Order", clauses, "verified").args([
        "--force-copy",
        "--max-rows-per-second",
        "4000",
        "--chunk-time",
        "20ms",
    ]);
    let mut run = program.start()?;
    ensure!(run.reaches_phase("copy").await?, "there was no copy");
    let last = ids.last().copied().unwrap_or_default();
    while conn.query_first::<u64, _>(format!("SELECT id FROM `Order__rpk_new` WHERE id = {last}")).await?.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for sql in [
        // One digit; NULL to empty; two rows that change places; a row too few; a row too many.
        format!("UPDATE `Order__rpk_new` SET total = total + 0.01 WHERE id = {}", ids[10]),
        format!("UPDATE `Order__rpk_new` SET note = '' WHERE note IS NULL AND id BETWEEN {} AND {}", ids[20], ids[30]),
        format!("UPDATE `Order__rpk_new` SET userId = productId, productId = {} WHERE id = {}", u32::MAX / 4, ids[40]),
        format!("DELETE FROM `Order__rpk_new` WHERE id = {}", ids[50]),
        format!(
            "INSERT INTO `Order__rpk_new` SELECT {}, userId, productId, quantity, total, status, note, 'phantom', \
             coupon, placedAt FROM `Order` WHERE id = {}",
            ids[300], ids[60]
        ),
    ] {
        conn.query_drop(&sql).await?;
        ensure!(conn.affected_rows() > 0, "it changed nothing: {sql}");
    }
    let outcome = run.finish().await?.expect_code(0)?;
    let repaired: u64 = outcome.events("rows_repaired").filter_map(|seen| seen.event["rows"].as_u64()).sum();
    ensure!((5..=20).contains(&repaired), "{repaired} rows were repaired");
    let old = format!("`{}`.`Order__rpk_old`", scenario.bookkeeping());
    let mapping = crate::support::load::Mapping::identity(&shop::orders());
    oracle::difference(&mut conn, &old, "`Order`", &mapping).await?.expect_none()
}

/// A column of every way in which a digest reads one. Each row has all the values that the tests change.
const SAMPLE: &str = "CREATE TABLE `Sample` (`id` INTEGER NOT NULL, `a` INTEGER NOT NULL, `b` INTEGER NOT NULL, \
                      `left` VARCHAR(20) NOT NULL, `right` VARCHAR(20) NOT NULL, `note` VARCHAR(20) NULL, \
                      `single` FLOAT NOT NULL, `double` DOUBLE NOT NULL, `exact` DECIMAL(20,6) NOT NULL, \
                      `bytes` VARBINARY(20) NOT NULL, `blob` LONGBLOB NOT NULL, `text` LONGTEXT NOT NULL, \
                      `bits` BIT(9) NOT NULL, `day` DATE NOT NULL, `moment` DATETIME(6) NOT NULL, \
                      `stamp` TIMESTAMP(6) NOT NULL DEFAULT '2020-01-01 00:00:00', `span` TIME(6) NOT NULL, \
                      `choice` ENUM('a', 'A2') NOT NULL, `flags` SET('x', 'y') NOT NULL, `document` JSON NOT NULL, \
                      `place` POINT NOT NULL, PRIMARY KEY (`id`))";
const SAMPLE_COLUMNS: &str = "id, a, b, `left`, `right`, note, single, `double`, exact, bytes, `blob`, text, bits, day, \
                              moment, stamp, span, choice, flags, document, place";
const SAMPLE_VALUES: &str = "2 * n + 2, 1, 2, 'a', 'bc', IF(n % 2, NULL, ''), 0, 0, 1.5, X'00FF', X'00', 'Text', \
                             B'000000001', '2024-02-29', '2024-02-29 00:00:00.000001', '2024-02-29 00:00:00.000001', \
                             '00:00:00.000001', 'a', 'x', '{\"a\": 1}', ST_GeomFromText('POINT(1 2)')";
const SAMPLES: u64 = 1_500;
/// What makes the copy convert a column, beside all those that stay.
const SAMPLE_CLAUSES: &str = "MODIFY `a` BIGINT NOT NULL";

/// Something done to the shadow, and what is told of it.
struct Fault {
    sql: String,
    told: String,
}

fn change(id: u64, set: &str, columns: &str) -> Fault {
    let sql = format!("UPDATE `Sample__rpk_new` SET {set} WHERE id = {id}");
    Fault { sql, told: format!("`id` = {id} ({columns})") }
}

async fn samples(server: &Server) -> Result<Scenario> {
    let scenario = Scenario::new(server, "verify", &[SAMPLE]).await?;
    scenario.seed("Sample", SAMPLE_COLUMNS, SAMPLE_VALUES, SAMPLES).await?;
    Ok(scenario)
}

/// Runs a change, and between the copy and the verification lets somebody do all that to the shadow.
async fn tampered(scenario: &Scenario, clauses: &str, sql: &str) -> Result<Outcome> {
    let analyze = format!("ANALYZE TABLE `{}`.`Sample__rpk_new`", scenario.schema);
    let way = Intercept::start(&scenario.server, &[&analyze], Then::First(format!("USE `{}`; {sql}", scenario.schema)))
        .await?;
    let target = format!("{}.Sample", scenario.schema);
    let program = Program::new(scenario.project())
        .args(["alter", &target, "--alter", clauses, "--name", "verified", "--force-copy", "--output", "json"])
        .args(["--url", &way.url(scenario)?]);
    let outcome = program.run().await?;
    let failed = || outcome.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(way.has_met(), "the shadow was not touched: {}", failed());
    Ok(outcome)
}

/// Each fault is named by its key and its columns, nothing else is, and the table is right in the end.
async fn expect_found(server: &Server, faults: &[Fault]) -> Result<()> {
    ensure!(faults.len() <= 10, "more faults than are named");
    let scenario = samples(server).await?;
    let before = rows(&scenario, "`Sample`").await?;
    let sql: Vec<&str> = faults.iter().map(|fault| fault.sql.as_str()).collect();
    let outcome = tampered(&scenario, SAMPLE_CLAUSES, &sql.join("; ")).await?.expect_code(0)?;
    let repaired: Vec<_> = outcome.events("rows_repaired").collect();
    let keys = repaired.iter().flat_map(|seen| seen.event["keys"].as_array().cloned().unwrap_or_default());
    let mut told: Vec<String> = keys.filter_map(|key| key.as_str().map(str::to_owned)).collect();
    let mut expected: Vec<String> = faults.iter().map(|fault| fault.told.replace('`', "")).collect();
    told.sort();
    expected.sort();
    ensure!(told == expected, "it told {told:#?}\ninstead of {expected:#?}");
    ensure!(rows(&scenario, "`Sample`").await? == before, "the rows are not what they were");
    Ok(())
}

async fn rows(scenario: &Scenario, table: &str) -> Result<Vec<tables::TextRow>> {
    let mut conn = scenario.connect().await?;
    let mut rows = Vec::new();
    let sql = format!("SELECT *, single * 1e0, `double` FROM {table} ORDER BY id");
    tables::each_row(&mut conn, &sql, |row| rows.push(row)).await?;
    ensure!(!rows.is_empty(), "{table} is empty");
    Ok(rows)
}

async fn flipped_bits_are_found(server: Server) -> Result<()> {
    expect_found(
        &server,
        &[
            change(100, "a = 0", "a"),
            change(200, "bytes = X'01FF'", "bytes"),
            change(300, "`blob` = X'01'", "blob"),
            change(400, "text = 'text'", "text"),
            change(500, "`left` = 'A'", "left"),
            change(600, "`double` = 5e-324", "double"),
            change(700, "single = 1e-38", "single"),
            change(800, "bits = B'000000000'", "bits"),
            change(900, "exact = 1.500001", "exact"),
            change(1_000, "moment = '2024-02-29 00:00:00.000002'", "moment"),
        ],
    )
    .await?;
    let mut faults = vec![
        change(100, "day = '2024-02-28'", "day"),
        change(200, "span = '-00:00:00.000001'", "span"),
        change(300, "choice = 'A2'", "choice"),
        change(400, "flags = 'x,y'", "flags"),
        change(500, "document = '{\"a\": 1.5}'", "document"),
        change(600, "place = ST_GeomFromText('POINT(1 2.0000000000000004)')", "place"),
        change(700, "`left` = 'a '", "left"),
        change(800, "stamp = '2024-02-29 00:00:00.000002'", "stamp"),
    ];
    // MariaDB stores no negative zero.
    if server.kind == Kind::MySql97 {
        faults.push(change(900, "single = -0e0", "single"));
        faults.push(change(1_000, "`double` = -0e0", "double"));
    }
    expect_found(&server, &faults).await
}

/// Differences that a weaker digest would lose: between columns, between NULL and nothing, between rows.
async fn values_that_move_are_found(server: Server) -> Result<()> {
    expect_found(
        &server,
        &[
            // ('a', 'bc') and ('ab', 'c') are one text when they are put behind each other.
            change(10, "`left` = 'ab', `right` = 'c'", "left, right"),
            // The same numbers in other columns: a + b and a XOR b are what they were.
            change(20, "a = 2, b = 1", "a, b"),
            change(30, "note = NULL", "note"),
            change(32, "note = ''", "note"),
            change(34, "bytes = X'00FF00'", "bytes"),
            // Two rows changed by the same: whatever is linear cancels.
            change(40, "b = b ^ 1024", "b"),
            change(44, "b = b ^ 1024", "b"),
            // One takes what the other gives.
            change(50, "a = a + 7", "a"),
            change(54, "a = a - 7", "a"),
        ],
    )
    .await
}

async fn rows_that_come_and_go_are_found(server: Server) -> Result<()> {
    let add = |id: i64, of: u64| Fault {
        sql: format!(
            "INSERT INTO `Sample__rpk_new` SELECT {id}, a, b, `left`, `right`, note, single, `double`, exact, bytes, \
             `blob`, text, bits, day, moment, stamp, span, choice, flags, document, place \
             FROM `Sample` WHERE id = {of}"
        ),
        told: format!("`id` = {id} (only in the copy)"),
    };
    let remove = |id: u64| Fault {
        sql: format!("DELETE FROM `Sample__rpk_new` WHERE id = {id}"),
        told: format!("`id` = {id} (missing from the copy)"),
    };
    // One goes and another comes that looks like it, so that counts say nothing.
    expect_found(&server, &[remove(10), add(11, 10), add(-5, 2), add(1_000_000, 2), remove(2), remove(2 * SAMPLES)])
        .await
}

/// What no expression of a SELECT does: the copy is right, and nothing has to be repaired.
async fn odd_conversions_are_compared_as_they_are_made(server: Server) -> Result<()> {
    let ddl = "CREATE TABLE `Sample` (`id` INTEGER NOT NULL PRIMARY KEY, `year` YEAR NOT NULL, `text` VARCHAR(40) NOT NULL, \
               `name` VARCHAR(10) NOT NULL, `single` FLOAT NOT NULL)";
    let scenario = Scenario::new(&server, "verify", &[ddl]).await?;
    let values = "n, 2000 + n % 50, '{\"b\":1,   \"a\":2}', 'LOUD', n / 3";
    scenario.seed("Sample", "id, year, text, name, single", values, 300).await?;
    let clauses = "MODIFY `year` TIME NOT NULL, MODIFY `text` JSON NOT NULL, MODIFY `name` ENUM('loud', 'low') NOT NULL, \
                   MODIFY `single` VARCHAR(30) NOT NULL";
    let fault = "UPDATE `Sample__rpk_new` SET `year` = '01:02:03', name = 'low' WHERE id = 7";
    let outcome = tampered(&scenario, clauses, fault).await?.expect_code(0)?;
    let told: Vec<String> = outcome.events("rows_repaired").map(|seen| seen.event["keys"].to_string()).collect();
    ensure!(told == ["[\"id = 7 (year, name)\"]"], "it told {told:?}");
    let twin = Scenario::new(&server, "verify", &[ddl]).await?;
    twin.seed("Sample", "id, year, text, name, single", values, 300).await?;
    twin.execute(&format!("ALTER TABLE `Sample` {clauses}")).await?;
    let both = [&scenario, &twin];
    let [mut made, mut wanted] = [Vec::new(), Vec::new()];
    for (scenario, rows) in both.into_iter().zip([&mut made, &mut wanted]) {
        let mut conn = scenario.connect().await?;
        tables::each_row(&mut conn, "SELECT * FROM `Sample` ORDER BY id", |row| rows.push(row)).await?;
    }
    for (made, wanted) in made.iter().zip(&wanted) {
        let shown = |row: &tables::TextRow| row.iter().flatten().map(|text| text.escape_ascii().to_string()).collect();
        let [made, wanted]: [Vec<String>; 2] = [shown(made), shown(wanted)];
        ensure!(made == wanted, "{made:?} is not what the server makes of it: {wanted:?}");
    }
    Ok(())
}

/// The shadow spoils whatever is written to it, so repair does not help.
async fn what_cannot_be_repaired_stops_the_run(server: Server) -> Result<()> {
    let scenario = samples(&server).await?;
    let before = rows(&scenario, "`Sample`").await?;
    let definition = residue::definition(&mut scenario.connect().await?, "`Sample`").await?;
    let spoil = "CREATE TRIGGER `spoil` BEFORE INSERT ON `Sample__rpk_new` FOR EACH ROW SET NEW.`b` = NEW.`b` + 1";
    let fault = change(20, "b = 77", "b");
    let outcome = tampered(&scenario, SAMPLE_CLAUSES, &format!("{}; {spoil}", fault.sql)).await?.expect_code(12)?;
    let failed = outcome.events("failed").next().context("it does not say why")?.event.clone();
    let cause = failed["cause"].as_str().unwrap_or_default();
    ensure!(cause.contains("id = 20 (b)"), "it does not say what differs: {failed}");
    ensure!(!outcome.swapped(), "it swapped");
    ensure!(rows(&scenario, "`Sample`").await? == before, "the table is not what it was");
    let after = residue::definition(&mut scenario.connect().await?, "`Sample`").await?;
    ensure!(after == definition, "the definition is not what it was:\n{after}");
    ensure!(rows(&scenario, "`Sample__rpk_new`").await?.len() as u64 == SAMPLES, "the copy is not whole");
    scenario.replank("abort", "Sample").succeed().await?;
    residue::expect_nothing_left(&scenario, &["Sample"]).await
}
