//! Which keys a connection writes, and what it does with them.

use std::collections::VecDeque;
use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::ledger::Ledger;
use super::shape::{Cell, Fill, Key, KeyNumber, Row, Shape};
use super::statement::Statement;
use super::writer::Step;

/// The keys of one connection: every n-th number up to the last seed, and the numbers that the server gave it.
#[derive(Debug)]
pub struct Choices {
    lane: u64,
    lanes: u64,
    seeds: Range<KeyNumber>,
    given: Vec<KeyNumber>,
    /// Written a moment ago: writing them again soon is what a change log has to cope with.
    recent: VecDeque<KeyNumber>,
    /// Already part of the operation that is being made up.
    taken: Vec<KeyNumber>,
    writes: u64,
}

impl Choices {
    pub fn new(lane: u64, lanes: u64, seeds: Range<KeyNumber>) -> Choices {
        let (given, recent, taken) = (Vec::new(), VecDeque::new(), Vec::new());
        Choices { lane, lanes, seeds, given, recent, taken, writes: 0 }
    }

    pub fn begin_operation(&mut self) {
        self.taken.clear();
    }

    pub fn wrote(&mut self, number: KeyNumber) {
        if self.recent.len() == 16 {
            self.recent.pop_front();
        }
        self.recent.push_back(number);
    }

    /// The server gave us this key.
    pub fn was_given(&mut self, number: KeyNumber) {
        self.given.push(number);
        self.wrote(number);
    }

    /// A number for a write that no other write has, of any connection; greater than any seed's.
    fn revision(&mut self) -> u64 {
        self.writes += 1;
        (self.lane + 1) << 40 | self.writes
    }

    /// One of our numbers in a range.
    fn lane_number(&self, range: Range<KeyNumber>, random: &mut ChaCha8Rng) -> KeyNumber {
        let number = random.random_range(range.clone());
        let ours = number - number % self.lanes + self.lane;
        if range.contains(&ours) { ours } else { ours.saturating_sub(self.lanes) }
    }

    /// One of our keys whose row is there; none when luck runs out.
    pub fn existing(&mut self, ledger: &Ledger, random: &mut ChaCha8Rng) -> Option<KeyNumber> {
        for _ in 0..20 {
            let number = match random.random_range(0..10) {
                0..2 if !self.recent.is_empty() => self.recent[random.random_range(0..self.recent.len())],
                2..4 if !self.given.is_empty() => self.given[random.random_range(0..self.given.len())],
                _ => self.lane_number(self.seeds.clone(), random),
            };
            let is_there = match ledger.get(number) {
                Some(expected) => expected.row().is_some(),
                None => self.seeds.contains(&number),
            };
            if is_there && self.take(number) {
                return Some(number);
            }
        }
        None
    }

    /// One of our keys that has no row: below the seeds, or where a row was deleted.
    fn absent(&mut self, ledger: &Ledger, random: &mut ChaCha8Rng) -> Option<KeyNumber> {
        for _ in 0..50 {
            let number = self.lane_number(self.lanes..self.seeds.end, random);
            let is_free = match ledger.get(number) {
                Some(expected) => expected.is_absent(),
                None => !self.seeds.contains(&number),
            };
            if is_free && self.take(number) {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, number: KeyNumber) -> bool {
        let is_ours = !self.taken.contains(&number);
        if is_ours {
            self.taken.push(number);
        }
        is_ours
    }
}

/// Makes up one statement.
pub struct Draw<'a> {
    pub shape: &'a Shape,
    pub ledger: &'a Ledger,
    pub choices: &'a mut Choices,
    pub random: &'a mut ChaCha8Rng,
}

impl Draw<'_> {
    pub fn insert(&mut self, rows: usize) -> Option<Step> {
        if rows == 1 && matches!(self.shape.key, Key::Auto(_)) && self.random.random_bool(0.5) {
            let row = Row { key: Vec::new(), payload: self.payload() };
            let statement = self.shape.insert_numbered(&row);
            return Some(Step { what: "INSERT with a number", statement, changes: Vec::new(), numbered: Some(row) });
        }
        let mut changes = Vec::new();
        for _ in 0..rows {
            let number = self.choices.absent(self.ledger, self.random)?;
            changes.push((number, self.new_row(number)));
        }
        let rows: Vec<Row> = changes.iter().map(|(_, row)| row.clone()).collect();
        let what = if rows.len() == 1 { "INSERT" } else { "INSERT of several rows" };
        Some(step(what, self.shape.insert(&rows), changes.into_iter().map(|(number, row)| (number, Some(row)))))
    }

    pub fn update(&mut self, number: KeyNumber, mut row: Row) -> Option<Step> {
        if self.shape.is_only_key() {
            return self.move_key(number, row);
        }
        row.payload = self.written_over(&row);
        Some(step("UPDATE", self.shape.update(&row), [(number, Some(row))]))
    }

    /// One column of one or two rows; the rest stays.
    pub fn update_column(&mut self, first: (KeyNumber, Row), second: Option<(KeyNumber, Row)>) -> Option<Step> {
        let is_shared =
            |column: &super::shape::Column| column.fill.is_written() && !matches!(column.fill, Fill::Unique);
        let columns = self.shape.columns.iter().enumerate().filter(|(_, column)| is_shared(column));
        let columns: Vec<usize> = columns.map(|(index, _)| index).collect();
        if columns.is_empty() {
            return self.move_key(first.0, first.1);
        }
        let column = columns[self.random.random_range(0..columns.len())];
        let value = self.payload()[column].clone();
        let mut rows: Vec<(KeyNumber, Row)> = [Some(first), second].into_iter().flatten().collect();
        let keys: Vec<Vec<Cell>> = rows.iter().map(|(_, row)| row.key.clone()).collect();
        let keys: Vec<&[Cell]> = keys.iter().map(Vec::as_slice).collect();
        for (_, row) in &mut rows {
            row.payload[column] = value.clone();
        }
        let statement = self.shape.update_column(&keys, column, &value);
        Some(step("UPDATE of a column", statement, rows.into_iter().map(|(number, row)| (number, Some(row)))))
    }

    /// To another number, or to another spelling of the same text.
    pub fn move_key(&mut self, number: KeyNumber, row: Row) -> Option<Step> {
        let spelling = self.random.random_range(0..3);
        if matches!(self.shape.key, Key::Text(_)) && self.random.random_bool(0.3) {
            let moved = Row { key: self.shape.key.cells(number, spelling), ..row.clone() };
            let statement = self.shape.move_key(&row.key, &moved.key);
            return Some(step("UPDATE of a key's case", statement, [(number, Some(moved))]));
        }
        let to = self.choices.absent(self.ledger, self.random)?;
        let moved = Row { key: self.shape.key.cells(to, spelling), ..row.clone() };
        let statement = self.shape.move_key(&row.key, &moved.key);
        Some(step("UPDATE of a key", statement, [(number, None), (to, Some(moved))]))
    }

    pub fn delete(&mut self, first: (KeyNumber, Row), second: Option<(KeyNumber, Row)>) -> Step {
        let rows: Vec<(KeyNumber, Row)> = [Some(first), second].into_iter().flatten().collect();
        let keys: Vec<&[Cell]> = rows.iter().map(|(_, row)| row.key.as_slice()).collect();
        step("DELETE", self.shape.delete(&keys), rows.iter().map(|(number, _)| (*number, None)))
    }

    /// Insert, or update what is there.
    pub fn upsert(&mut self) -> Option<Step> {
        let (number, mut row, present) = self.any_known()?;
        if let Some(present) = present {
            // The row that is there keeps its spelling of the key and what the application does not write.
            row.key = present.key.clone();
            row.payload = if self.shape.is_only_key() { present.payload } else { self.written_over(&present) };
        }
        Some(step("INSERT ON DUPLICATE KEY", self.shape.upsert(&row), [(number, Some(row))]))
    }

    pub fn replace(&mut self) -> Option<Step> {
        let (number, row, _) = self.any_known()?;
        Some(step("REPLACE", self.shape.replace(&row), [(number, Some(row))]))
    }

    /// A key whose state is known without a read, with a new row for it and the row that it has.
    fn any_known(&mut self) -> Option<(KeyNumber, Row, Option<Row>)> {
        let known = self.choices.recent.iter().rev().copied().find(|number| {
            self.ledger.get(*number).is_some_and(|expected| expected.candidates.len() == 1)
                && !self.choices.taken.contains(number)
        });
        let number = match known {
            Some(number) if self.random.random_bool(0.6) => {
                self.choices.take(number);
                number
            }
            _ => self.choices.absent(self.ledger, self.random)?,
        };
        let present = self.ledger.get(number).and_then(|expected| expected.row().cloned());
        Some((number, self.new_row(number), present))
    }

    fn new_row(&mut self, number: KeyNumber) -> Row {
        let spelling = self.random.random_range(0..3);
        Row { key: self.shape.key.cells(number, spelling), payload: self.payload() }
    }

    fn payload(&mut self) -> Vec<Cell> {
        self.shape.payload(self.choices.revision(), self.random)
    }

    /// New values where the application writes, the row's own elsewhere.
    fn written_over(&mut self, row: &Row) -> Vec<Cell> {
        let new = self.payload();
        let columns = self.shape.columns.iter().zip(new).zip(&row.payload);
        columns.map(|((column, new), old)| if column.fill.is_written() { new } else { old.clone() }).collect()
    }
}

fn step(what: &'static str, statement: Statement, changes: impl IntoIterator<Item = (KeyNumber, Option<Row>)>) -> Step {
    Step { what, statement, changes: changes.into_iter().collect(), numbered: None }
}
