//! What a table must contain, going by what the server acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use mysql_async::Conn;

use super::super::quoted;
use super::super::tables::{each_row, fingerprint};
use super::shape::{Cell, KeyNumber, Mapping, Row, Shape};

/// The rows a table had before anything was written: one fingerprint each, so that millions fit.
#[derive(Debug)]
pub struct Seeds {
    fingerprints: Vec<u64>,
    pub mapping: Mapping,
    /// Which of the shape's columns outlive the change, by position.
    kept: Vec<usize>,
}

impl Seeds {
    /// Reads the rows, which must have the key numbers from `Shape::FIRST_SEED` on without a gap.
    pub async fn read(conn: &mut Conn, shape: &Shape, mapping: Mapping) -> Result<Seeds> {
        let (key, columns) = mapping.before();
        let by_name = |name: &String| shape.columns.iter().position(|column| quoted(column.name) == **name);
        let kept: Vec<usize> = columns.iter().filter_map(by_name).collect();
        ensure!(kept.len() == columns.len(), "the mapping names a column that the shape of {} has not", shape.table);
        let list: Vec<&str> = key.iter().chain(&columns).map(String::as_str).collect();
        let mut rows = Vec::new();
        each_row(conn, &format!("SELECT {} FROM {}", list.join(", "), quoted(shape.table)), |row| {
            rows.push((shape.key.number(&row[..key.len()]), fingerprint(row.iter().map(Option::as_deref))));
        })
        .await?;
        rows.sort_unstable();
        for (expected, (number, _)) in (Shape::FIRST_SEED..).zip(&rows) {
            ensure!(*number == Some(expected), "the seeded keys have a gap: {number:?} instead of {expected}");
        }
        Ok(Seeds { fingerprints: rows.into_iter().map(|(_, fingerprint)| fingerprint).collect(), mapping, kept })
    }

    /// The numbers of the seeded rows.
    pub fn numbers(&self) -> std::ops::Range<KeyNumber> {
        Shape::FIRST_SEED..Shape::FIRST_SEED + self.fingerprints.len() as u64
    }

    pub fn fingerprint(&self, number: KeyNumber) -> Option<u64> {
        let index = number.checked_sub(Shape::FIRST_SEED)?;
        self.fingerprints.get(usize::try_from(index).ok()?).copied()
    }

    /// The fingerprint of a row, of its key and the columns that outlive the change.
    pub fn fingerprint_of(&self, row: &Row) -> u64 {
        let cells: Vec<Option<String>> =
            row.key.iter().chain(self.kept.iter().map(|index| &row.payload[*index])).map(Cell::text).collect();
        fingerprint(cells.iter().map(|cell| cell.as_ref().map(|text| text.as_bytes())))
    }
}

/// What is known of a key that was written.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The row, or its absence. More than one when the connection was lost before the outcome was told; such a key is
    /// not written again.
    pub candidates: Vec<Option<Row>>,
    /// What wrote it last.
    pub by: &'static str,
    pub at: Instant,
}

impl Expected {
    /// The row, where there is one for certain.
    pub fn row(&self) -> Option<&Row> {
        match self.candidates.as_slice() {
            [Some(row)] => Some(row),
            _ => None,
        }
    }

    pub fn is_absent(&self) -> bool {
        matches!(self.candidates.as_slice(), [None])
    }
}

/// Everything acknowledged: the seeds, and each key written since.
#[derive(Debug)]
pub struct Ledger {
    pub shape: Arc<Shape>,
    pub seeds: Arc<Seeds>,
    written: HashMap<KeyNumber, Expected>,
    /// Inserted rows whose numbers were lost with their connection, if they were inserted.
    unnumbered: Vec<Row>,
    /// Rows inserted, changed or removed with the server's acknowledgement.
    pub acknowledged: u64,
}

impl Ledger {
    pub fn new(shape: Arc<Shape>, seeds: Arc<Seeds>) -> Ledger {
        Ledger { shape, seeds, written: HashMap::new(), unnumbered: Vec::new(), acknowledged: 0 }
    }

    pub fn get(&self, number: KeyNumber) -> Option<&Expected> {
        self.written.get(&number)
    }

    /// The server acknowledged a write of this key.
    pub fn acknowledge(&mut self, number: KeyNumber, row: Option<Row>, by: &'static str) {
        self.acknowledged += 1;
        self.know(number, row, by);
    }

    /// A read of a row that nobody else writes showed this.
    pub fn know(&mut self, number: KeyNumber, row: Option<Row>, by: &'static str) {
        self.written.insert(number, Expected { candidates: vec![row], by, at: Instant::now() });
    }

    /// The outcome of a write was lost with its connection.
    pub fn lose(&mut self, number: KeyNumber, before: Option<Row>, after: Option<Row>, by: &'static str) {
        self.written.insert(number, Expected { candidates: vec![before, after], by, at: Instant::now() });
    }

    /// The outcome of an insert was lost, and with it the number that the server gave the row.
    pub fn lose_numbered(&mut self, row: Row) {
        self.unnumbered.push(row);
    }

    /// Takes in the ledger of an application with other keys.
    pub fn merge(&mut self, other: Ledger) {
        self.acknowledged += other.acknowledged;
        self.written.extend(other.written);
        self.unnumbered.extend(other.unnumbered);
    }

    pub fn unknown(&self) -> usize {
        self.written.values().filter(|expected| expected.candidates.len() > 1).count() + self.unnumbered.len()
    }

    /// Reads a whole table as it is after the change, and compares it with everything acknowledged.
    pub async fn check(&self, conn: &mut Conn, table: &str) -> Result<Verdict> {
        let (key, columns) = self.seeds.mapping.after();
        let list: Vec<&str> = key.iter().chain(&columns).map(String::as_str).collect();
        let mut verdict = Verdict { acknowledged: self.acknowledged, unknown: self.unknown(), ..Verdict::default() };
        let mut present = Vec::new();
        each_row(conn, &format!("SELECT {} FROM {table}", list.join(", ")), |row| {
            let number = self.shape.key.number(&row[..key.len()]);
            let found = fingerprint(row.iter().map(Option::as_deref));
            verdict.rows += 1;
            let Some(number) = number else {
                verdict.foreign.push(format!("a key nobody wrote: {:?}", texts(&row[..key.len()])));
                return;
            };
            present.push(number);
            self.judge(number, found, &row, &mut verdict);
        })
        .await?;
        present.sort_unstable();
        if present.windows(2).any(|pair| pair[0] == pair[1]) {
            verdict.foreign.push("a key is there twice".to_owned());
        }
        self.look_for_lost(&present, &mut verdict);
        Ok(verdict)
    }

    fn judge(&self, number: KeyNumber, found: u64, row: &[Option<Vec<u8>>], verdict: &mut Verdict) {
        let matches =
            |candidate: &Option<Row>| candidate.as_ref().is_some_and(|row| self.seeds.fingerprint_of(row) == found);
        match (self.written.get(&number), self.seeds.fingerprint(number)) {
            (Some(expected), _) if expected.candidates.iter().any(matches) => {}
            (Some(expected), _) if expected.is_absent() => {
                verdict.foreign.push(format!("{number} is back after {}: {:?}", expected.by, texts(row)));
            }
            (Some(expected), _) => verdict.wrong.push(format!(
                "{number} after {}: {:?} instead of {:?}",
                expected.by,
                texts(row),
                expected.candidates
            )),
            (None, Some(seed)) if seed == found => {}
            (None, Some(_)) => verdict.wrong.push(format!("{number}, never written: {:?}", texts(row))),
            (None, None) if self.is_unnumbered(number, found) => {}
            (None, None) => verdict.foreign.push(format!("{number}, never written: {:?}", texts(row))),
        }
    }

    fn is_unnumbered(&self, number: KeyNumber, found: u64) -> bool {
        let key = self.shape.key.cells(number, 0);
        let with_key = |row: &Row| Row { key: key.clone(), payload: row.payload.clone() };
        self.unnumbered.iter().any(|row| self.seeds.fingerprint_of(&with_key(row)) == found)
    }

    fn look_for_lost(&self, present: &[KeyNumber], verdict: &mut Verdict) {
        let is_there = |number: &KeyNumber| present.binary_search(number).is_ok();
        for (number, expected) in &self.written {
            if expected.candidates.iter().all(Option::is_some) && !is_there(number) {
                verdict.lost.push(format!("{number}, after {}", expected.by));
            }
        }
        for number in self.seeds.numbers() {
            if !self.written.contains_key(&number) && !is_there(&number) {
                verdict.lost.push(format!("{number}, never written"));
            }
        }
    }
}

fn texts(row: &[Option<Vec<u8>>]) -> Vec<String> {
    row.iter()
        .map(|cell| cell.as_ref().map_or("NULL".to_owned(), |text| String::from_utf8_lossy(text).into()))
        .collect()
}

/// A table beside the ledger.
#[derive(Debug, Default)]
pub struct Verdict {
    pub rows: u64,
    pub acknowledged: u64,
    pub unknown: usize,
    /// Acknowledged rows that are not there.
    pub lost: Vec<String>,
    /// Rows that are there and were never written, or were deleted.
    pub foreign: Vec<String>,
    /// Rows with other contents than acknowledged.
    pub wrong: Vec<String>,
}

impl Verdict {
    pub fn is_right(&self) -> bool {
        self.lost.is_empty() && self.foreign.is_empty() && self.wrong.is_empty()
    }

    /// Fails with the first few of each, unless everything is right.
    pub fn expect_right(self) -> Result<Verdict> {
        let some = |list: &[String]| list.iter().take(5).map(|line| format!("\n    {line}")).collect::<String>();
        ensure!(
            self.is_right(),
            "of {} rows and {} acknowledged writes:\n  {} lost{}\n  {} nobody wrote{}\n  {} wrong{}",
            self.rows,
            self.acknowledged,
            self.lost.len(),
            some(&self.lost),
            self.foreign.len(),
            some(&self.foreign),
            self.wrong.len(),
            some(&self.wrong)
        );
        Ok(self)
    }
}
