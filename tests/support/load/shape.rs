//! What a table under load looks like to the application: its key, and the columns it writes.

use mysql_async::Value;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::super::quoted;

/// Number of a row's key. Every key an application uses has one, whatever its columns are.
pub type KeyNumber = u64;

/// How key numbers become key columns.
#[derive(Debug, Clone)]
pub enum Key {
    /// An AUTO_INCREMENT integer: half of the inserts leave it to the server.
    Auto(&'static str),
    /// Text whose case may change without its becoming another key to a case-insensitive collation.
    Text(&'static str),
    /// Two integers, unique together.
    Pair(&'static str, &'static str),
}

/// What an application writes into a column.
#[derive(Debug, Clone)]
pub enum Fill {
    /// Integers from 0 up to this.
    Below(i64),
    /// An amount with two decimals.
    Amount,
    /// A few words, or NULL now and then.
    Words,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A DATETIME(3).
    Moment,
    /// Text that no other row has.
    Unique,
    /// Nothing: it is read, and an insert leaves it to its default, which reads like this.
    Untouched(Cell),
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: &'static str,
    pub fill: Fill,
}

impl Column {
    /// How the application reads it: an amount has two decimals to it, whatever the column has room for.
    pub fn read(&self) -> String {
        match self.fill {
            Fill::Amount => format!("CAST({} AS DECIMAL(10, 2))", quoted(self.name)),
            _ => quoted(self.name),
        }
    }
}

/// A table as its application knows it.
#[derive(Debug, Clone)]
pub struct Shape {
    pub table: &'static str,
    pub key: Key,
    pub columns: Vec<Column>,
}

/// A column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Null,
    Int(i64),
    Text(String),
}

impl Cell {
    /// As the server prints it.
    pub fn text(&self) -> Option<String> {
        match self {
            Cell::Null => None,
            Cell::Int(number) => Some(number.to_string()),
            Cell::Text(text) => Some(text.clone()),
        }
    }

    pub fn literal(&self) -> String {
        match self {
            Cell::Null => "NULL".to_owned(),
            Cell::Int(number) => number.to_string(),
            Cell::Text(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
        }
    }

    pub fn param(&self) -> Value {
        match self {
            Cell::Null => Value::NULL,
            Cell::Int(number) => Value::Int(*number),
            Cell::Text(text) => Value::Bytes(text.clone().into_bytes()),
        }
    }

    /// A value read in either protocol, as the text the server would print.
    pub fn from_value(value: Value) -> Cell {
        match value {
            Value::NULL => Cell::Null,
            Value::Int(number) => Cell::Int(number),
            Value::Bytes(bytes) => Cell::Text(String::from_utf8_lossy(&bytes).into_owned()),
            Value::Date(year, month, day, hour, minute, second, micros) => Cell::Text(format!(
                "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}",
                micros / 1000
            )),
            other => Cell::Text(other.as_sql(true).trim_matches('\'').to_owned()),
        }
    }
}

/// A row as the application knows it.
#[derive(Debug, Clone)]
pub struct Row {
    pub key: Vec<Cell>,
    pub payload: Vec<Cell>,
}

impl Row {
    pub fn same_as(&self, other: &Row) -> bool {
        let texts = |row: &Row| row.key.iter().chain(&row.payload).map(Cell::text).collect::<Vec<_>>();
        texts(self) == texts(other)
    }
}

/// The pair keys' second column counts up to this.
const PAIR_WIDTH: u64 = 1_000;

impl Key {
    pub fn columns(&self) -> Vec<&'static str> {
        match self {
            Key::Auto(column) | Key::Text(column) => vec![column],
            Key::Pair(first, second) => vec![first, second],
        }
    }

    /// The key columns of a number. `spelling` picks between ways to write the same text key.
    pub fn cells(&self, number: KeyNumber, spelling: u64) -> Vec<Cell> {
        match self {
            Key::Auto(_) => vec![Cell::Int(number as i64)],
            Key::Text(_) => {
                let prefix = ["sku", "SKU", "Sku"][(spelling % 3) as usize];
                // A letter that does not follow the number, so that text order is another than number order.
                let letter = char::from(b'a' + (number * 7 % 26) as u8);
                vec![Cell::Text(format!("{prefix}-{letter}-{number}"))]
            }
            Key::Pair(..) => {
                vec![Cell::Int((number / PAIR_WIDTH) as i64 + 1), Cell::Int((number % PAIR_WIDTH) as i64 + 1)]
            }
        }
    }

    /// The number of key columns, as the server prints them; none when the application has no such key.
    pub fn number(&self, columns: &[Option<Vec<u8>>]) -> Option<KeyNumber> {
        let text = |column: &Option<Vec<u8>>| String::from_utf8(column.clone()?).ok();
        match self {
            Key::Auto(_) => text(columns.first()?)?.parse().ok(),
            Key::Text(_) => text(columns.first()?)?.rsplit('-').next()?.parse().ok(),
            Key::Pair(..) => {
                let first: u64 = text(columns.first()?)?.parse().ok()?;
                let second: u64 = text(columns.get(1)?)?.parse().ok()?;
                Some(first.checked_sub(1)? * PAIR_WIDTH + second.checked_sub(1)?)
            }
        }
    }

    /// SQL for the key columns of a number, to seed rows with.
    pub fn expressions(&self, number: &str) -> String {
        match self {
            Key::Auto(_) => number.to_owned(),
            Key::Text(_) => format!("CONCAT('sku-', CHAR(97 + ({number}) * 7 % 26 USING utf8mb4), '-', {number})"),
            Key::Pair(..) => format!("({number}) DIV {PAIR_WIDTH} + 1, ({number}) % {PAIR_WIDTH} + 1"),
        }
    }
}

impl Shape {
    pub fn is_only_key(&self) -> bool {
        self.columns.is_empty()
    }

    /// Values for a row, never written before: `revision` is unique to each write.
    pub fn payload(&self, revision: u64, random: &mut ChaCha8Rng) -> Vec<Cell> {
        self.columns.iter().map(|column| column.fill.cell(revision, random)).collect()
    }

    /// Key numbers of seeded rows begin here. The numbers below are free, so that rows can also be inserted and moved
    /// to where a copy in key order has long been.
    pub const FIRST_SEED: KeyNumber = 10_001;

    /// The key's expressions for `Scenario::seed`, whose `n` counts from 0.
    pub fn seed_key(&self) -> String {
        self.key.expressions(&format!("(n + {})", Shape::FIRST_SEED))
    }
}

impl Fill {
    fn cell(&self, revision: u64, random: &mut ChaCha8Rng) -> Cell {
        const WORDS: [&str; 8] = ["näh", "it's", "日本", "back\\slash", "tab\t", "🚲", "plain", "\"quoted\""];
        match self {
            Fill::Below(limit) => Cell::Int(random.random_range(0..*limit)),
            Fill::Amount => {
                let cents = random.random_range(0..10_000_000);
                Cell::Text(format!("{}.{:02}", cents / 100, cents % 100))
            }
            Fill::Words if random.random_bool(0.1) => Cell::Null,
            Fill::Words => {
                let words: Vec<&str> =
                    (0..random.random_range(0..6)).map(|_| WORDS[random.random_range(0..WORDS.len())]).collect();
                Cell::Text(words.join(" "))
            }
            Fill::OneOf(options) => Cell::Text(options[random.random_range(0..options.len())].to_owned()),
            Fill::Moment => Cell::Text(format!(
                "2026-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
                random.random_range(1..=12),
                random.random_range(1..=28),
                random.random_range(0..24),
                random.random_range(0..60),
                random.random_range(0..60),
                random.random_range(0..1000)
            )),
            Fill::Unique => Cell::Text(format!("u-{revision:x}")),
            Fill::Untouched(default) => default.clone(),
        }
    }

    pub fn is_written(&self) -> bool {
        !matches!(self, Fill::Untouched(_))
    }
}

/// How a table's columns, before the change, are read from the table after it.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Key columns and where they are afterwards.
    pub key: Vec<Kept>,
    /// The other columns that outlive the change.
    pub columns: Vec<Kept>,
}

#[derive(Debug, Clone)]
pub struct Kept {
    /// The column before.
    pub before: String,
    /// An expression over the table afterwards that prints what the column printed before.
    pub after: String,
}

impl Mapping {
    /// Every column stays what it is.
    pub fn identity(shape: &Shape) -> Mapping {
        let kept = |name: &str| Kept { before: quoted(name), after: quoted(name) };
        Mapping {
            key: shape.key.columns().into_iter().map(kept).collect(),
            columns: shape.columns.iter().map(|column| kept(column.name)).collect(),
        }
    }

    pub fn read_as(mut self, column: &str, expression: &str) -> Mapping {
        for kept in self.key.iter_mut().chain(&mut self.columns) {
            if kept.before == quoted(column) {
                kept.after = expression.to_owned();
            }
        }
        self
    }

    /// A further column that outlives the change.
    pub fn with(mut self, before: &str, after: &str) -> Mapping {
        self.columns.push(Kept { before: quoted(before), after: quoted(after) });
        self
    }

    pub fn before(&self) -> (Vec<String>, Vec<String>) {
        let names = |kept: &[Kept]| kept.iter().map(|kept| kept.before.clone()).collect();
        (names(&self.key), names(&self.columns))
    }

    pub fn after(&self) -> (Vec<String>, Vec<String>) {
        let names = |kept: &[Kept]| kept.iter().map(|kept| kept.after.clone()).collect();
        (names(&self.key), names(&self.columns))
    }
}
