//! The clauses of the corpus, made by replank as an online copy and by the server itself on a twin: the same definition
//! and the same rows, or a refusal that is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::{Kind, Outcome, Scenario, Server, on_every_server, quoted, residue, tables};
use anyhow::{Result, ensure};
use mysql_async::Error;
use mysql_async::prelude::Queryable;
use replank::plan::{Statement, read_statement};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

on_every_server!(made_as_the_server_makes_them);

/// Changes at once: they mostly wait for the server's disk.
const AT_ONCE: usize = 6;

/// The tables that the statements name.
const DDL: [&str; 7] = [
    "CREATE TABLE parent (id BIGINT UNSIGNED NOT NULL PRIMARY KEY)",
    "CREATE TABLE nopk (a INT NULL)",
    "CREATE TABLE nofk (id INT NOT NULL PRIMARY KEY, a INT NULL)",
    "CREATE TABLE p (id INT NOT NULL, y INT NOT NULL, PRIMARY KEY (id, y)) PARTITION BY RANGE (y) \
     (PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN (2010))",
    "CREATE TABLE pex (id INT NOT NULL, y INT NOT NULL, PRIMARY KEY (id, y))",
    "CREATE TABLE ph (id INT NOT NULL PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4",
    "CREATE TABLE t (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, a INT NULL, b VARCHAR(100) NOT NULL DEFAULT '', \
     c DATETIME NULL, price DECIMAL(10, 2) NOT NULL DEFAULT 0, body TEXT NULL, d JSON NULL, g POINT NOT NULL{srid}, \
     parent_id BIGINT UNSIGNED NULL, PRIMARY KEY (id), KEY idx_a (a), {check} (a >= 0){fk})",
];

const ROWS: [(&str, &str, &str); 7] = [
    ("parent", "id", "n + 1"),
    ("nopk", "a", "n"),
    ("nofk", "id, a", "n, n % 7"),
    ("p", "id, y", "n, 1990 + n % 20"),
    ("pex", "id, y", "1000 + n, 1990"),
    ("ph", "id", "n"),
    (
        "t",
        "a, b, c, price, body, d, g, parent_id",
        "n % 50, CONCAT('b', n), '2024-01-01' + INTERVAL n HOUR, n / 100, REPEAT('x', n), JSON_OBJECT('name', n, 'tags', \
         JSON_ARRAY(n, 7)), ST_GeomFromText(CONCAT('POINT(', n % 90, ' 1)')), IF(n % 3, n + 1, NULL)",
    ),
];

const ROWS_OF_EACH: u64 = 120;

/// Changes whose new column, `n1` or `created_at`, has values of the moment or by chance.
const OF_THE_MOMENT: [&str; 5] = [
    "add-col-ts-onupdate",
    "add-col-datetime3",
    "ansi-default-now",
    "mariadb-uuid-inet (MariaDB)",
    "mariadb-default-fn (MariaDB)",
];

/// A change of the corpus.
#[derive(Debug, Clone)]
struct Alter {
    id: &'static str,
    table: String,
    clauses: String,
}

/// What came of one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Same,
    /// Neither makes it: the server's error.
    Neither(u16),
    /// Only replank makes it, which does without what the server says against: an algorithm.
    Alone(u16),
    /// Only replank does not; the first words of why.
    Refused(String),
}

fn corpus() -> Vec<Alter> {
    let lines = include_str!("../data/alter-corpus.tsv").lines().skip(1);
    lines
        .filter_map(|line| {
            let (id, statement) = (line.split('\t').next()?, line.split('\t').nth(4)?);
            let Ok(Statement::AlterTable(change)) = read_statement(statement) else { return None };
            let (table, clauses) = (change.table.table.as_str().to_owned(), change.alter.spliced());
            Some(Alter { id, table, clauses })
        })
        .collect()
}

async fn made_as_the_server_makes_them(server: Server) -> Result<()> {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for alter in corpus() {
        let (server, slots) = (server.clone(), Arc::clone(&slots));
        running.spawn(async move {
            let _slot = slots.acquire().await;
            let verdict = compare(&server, &alter).await;
            (alter, verdict)
        });
    }
    let (mut told, mut failures, mut same) = (BTreeMap::new(), Vec::new(), 0);
    while let Some(ended) = running.join_next().await {
        let (alter, verdict) = ended?;
        match verdict {
            Ok(Verdict::Same) => same += 1,
            Ok(Verdict::Neither(code)) => drop(told.insert(alter.id, format!("not by the server either: {code}"))),
            Ok(Verdict::Alone(code)) => drop(told.insert(alter.id, format!("not by the server: {code}"))),
            Ok(Verdict::Refused(why)) => drop(told.insert(alter.id, format!("refused: {why}"))),
            Err(error) => failures.push(format!("{} ({}): {error:#}", alter.id, alter.clauses)),
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    ensure!(same > 60, "only {same} changes were made");
    let told: Vec<String> = told.into_iter().map(|(id, what)| format!("{id}: {what}")).collect();
    insta::assert_snapshot!(
        format!("corpus_changes_{}", server.kind.name().replace(['-', '.'], "_")),
        format!("{same} made alike\n{}", told.join("\n"))
    );
    Ok(())
}

async fn scenario(server: &Server, topic: &str, Alter { table, clauses, .. }: &Alter) -> Result<Scenario> {
    let is_mysql = server.kind == Kind::MySql97;
    let srid = if is_mysql { " SRID 0" } else { "" };
    // A table of MySQL with a check that has a name is not copied at all.
    let check = if is_mysql && !clauses.contains("chk_a") { "CHECK" } else { "CONSTRAINT chk_a CHECK" };
    // Foreign keys have tests of their own, and take time.
    let is_about_keys = clauses.contains("fk_parent") || clauses.contains("FOREIGN");
    let key = if is_about_keys { ", CONSTRAINT fk_parent FOREIGN KEY (parent_id) REFERENCES parent (id)" } else { "" };
    let mut needed = vec![table.as_str()];
    needed.extend((is_about_keys || clauses.contains("parent")).then_some("parent"));
    needed.extend(clauses.contains("pex").then_some("pex"));
    let filled = |sql: &&str| sql.replace("{srid}", srid).replace("{check}", check).replace("{fk}", key);
    let is_needed = |sql: &&&str| needed.iter().any(|name| sql.starts_with(&format!("CREATE TABLE {name} (")));
    let ddl: Vec<String> = DDL.iter().filter(is_needed).map(filled).collect();
    let scenario = Scenario::new(server, topic, &ddl.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    for (table, columns, expressions) in ROWS.into_iter().filter(|(table, ..)| needed.contains(table)) {
        scenario.seed(table, columns, expressions, ROWS_OF_EACH).await?;
    }
    Ok(scenario)
}

async fn compare(server: &Server, alter: &Alter) -> Result<Verdict> {
    let twin = scenario(server, "corpus_twin", alter).await?;
    let name = quoted(&alter.table);
    let mut conn = twin.connect().await?;
    let plain = match conn.query_drop(format!("ALTER TABLE {name} {}", alter.clauses)).await {
        Ok(()) => Ok(()),
        Err(Error::Server(error)) => Err(error.code),
        Err(error) => return Err(error.into()),
    };
    let own = scenario(server, "corpus", alter).await?;
    let before = residue::definition(&mut own.connect().await?, &name).await?;
    let outcome = own.alter(&alter.table, &alter.clauses, "change").args(["--force-copy", "--drop-old"]).run().await?;
    let mut changed = own.connect().await?;
    match (plain, outcome.code()) {
        (Ok(()), Some(0)) => {
            let made = residue::definition_parts(&mut changed, &name).await?;
            let wanted = residue::definition_parts(&mut conn, &name).await?;
            ensure!(made == wanted, "it is\n{made:#?}\ninstead of\n{wanted:#?}");
            let but: &[&str] = if OF_THE_MOMENT.contains(&alter.id) { &["n1", "created_at"] } else { &[] };
            let (made, wanted) =
                (rows(&mut changed, &alter.table, but).await?, rows(&mut conn, &alter.table, but).await?);
            ensure!(made == wanted, "{} rows differ from {}", made.len(), wanted.len());
            Ok(Verdict::Same)
        }
        (Err(code), Some(0)) if alter.clauses.contains("ALGORITHM") => Ok(Verdict::Alone(code)),
        (plain, Some(10)) => {
            let now = residue::definition(&mut changed, &name).await?;
            ensure!(now == before, "it refused, and the table is\n{now}");
            Ok(plain.err().map_or_else(|| Verdict::Refused(why(&outcome)), Verdict::Neither))
        }
        (plain, code) => {
            let last = outcome.events.last().map(|seen| seen.event.to_string()).unwrap_or_default();
            anyhow::bail!("plain: {plain:?}; replank ended with {code:?}: {last}\n{}", outcome.stderr)
        }
    }
}

/// Every column but some of every row as the server prints it, in any order.
async fn rows(conn: &mut mysql_async::Conn, table: &str, but: &[&str]) -> Result<Vec<tables::TextRow>> {
    let columns: Vec<String> = conn
        .exec(
            "SELECT column_name FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position",
            (table,),
        )
        .await?;
    let list: Vec<String> =
        columns.iter().filter(|column| !but.contains(&column.as_str())).map(|column| quoted(column)).collect();
    let mut rows = Vec::new();
    tables::each_row(conn, &format!("SELECT {} FROM {}", list.join(", "), quoted(table)), |row| rows.push(row)).await?;
    rows.sort();
    Ok(rows)
}

fn why(outcome: &Outcome) -> String {
    let failed = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    let what = failed["what"].as_str().unwrap_or(&outcome.stderr);
    // The schema's name is another one in each run.
    let words = what.split(' ').map(|word| if word.contains("t_corpus") { "…" } else { word });
    let text = words.collect::<Vec<_>>().join(" ");
    text.lines().next().unwrap_or_default().chars().take(100).collect()
}
