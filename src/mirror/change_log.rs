//! The change log: its table and the statements on it.
//!
//! It has no unique key besides `seq`, no foreign key and the key's exact types, so that a trigger that writes it can
//! neither fail nor wait. `seq` values commit out of order: readers take the rows that are visible and delete exactly
//! those, never a range.

use crate::plan::{ChunkKey, KeyColumn, KeyKind, KeyValue};
use crate::schema::Column;
use crate::server::{ServerError, Session};
use crate::sql::{Ident, TableName};

/// A change log.
#[derive(Debug, Clone)]
pub struct ChangeLog {
    /// Its table.
    pub table: TableName,
    key: ChunkKey,
    columns: Vec<Column>,
}

/// A logged key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the log.
    pub seq: u64,
    /// The key, raw.
    pub key: KeyValue,
}

impl ChangeLog {
    /// A log of the key's columns, given as they are in the table whose writes it logs.
    pub fn new(table: TableName, key: ChunkKey, columns: Vec<Column>) -> ChangeLog {
        ChangeLog { table, key, columns }
    }

    /// The number column's name, out of the way of the key's columns.
    pub fn seq(&self) -> Ident {
        let seq = Ident::new("seq");
        if self.columns.iter().any(|column| column.name.same_name(&seq)) { Ident::new("rpk_seq") } else { seq }
    }

    /// The key's columns in the log.
    pub fn key_columns(&self) -> impl Iterator<Item = &Ident> {
        self.columns.iter().map(|column| &column.name)
    }

    /// The types of the key's columns, exact enough for variables that hold them.
    pub fn key_types(&self) -> Vec<String> {
        self.columns.iter().map(exact_type).collect()
    }

    /// CREATE TABLE.
    pub fn create_sql(&self) -> String {
        let seq = self.seq();
        let columns: Vec<String> = self.columns.iter().map(definition).collect();
        format!(
            "CREATE TABLE IF NOT EXISTS {} ({seq} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, {}, PRIMARY KEY ({seq})) \
             ENGINE=InnoDB",
            self.table,
            columns.join(", ")
        )
    }

    /// The visible entries in order of their numbers, at most `limit`.
    pub async fn read(&self, session: &mut Session, limit: usize) -> Result<Vec<Entry>, ServerError> {
        self.read_after(session, 0, limit).await
    }

    /// The same of entries whose numbers are greater than one.
    pub async fn read_after(&self, session: &mut Session, after: u64, limit: usize) -> Result<Vec<Entry>, ServerError> {
        let columns: Vec<String> = self.key_columns().map(Ident::to_string).collect();
        let selected = self.key.select_list(&columns);
        let seq = self.seq();
        let sql =
            format!("SELECT {seq}, {selected} FROM {} WHERE {seq} > {after} ORDER BY {seq} LIMIT {limit}", self.table);
        let rows: Vec<mysql_async::Row> = session.rows(&sql).await?;
        rows.into_iter()
            .map(|row| {
                let mut texts = row_texts(row)?.into_iter();
                let seq = texts.next().and_then(|text| text.parse().ok());
                let seq = seq.ok_or_else(|| ServerError::Driver("a change-log number is no number".into()))?;
                Ok(Entry { seq, key: key_value(&self.key, texts.collect())? })
            })
            .collect()
    }

    /// Deletes exactly these entries.
    pub fn delete_sql(&self, entries: &[Entry]) -> String {
        let all: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
        format!("DELETE FROM {} WHERE {} IN ({})", self.table, self.seq(), number_list(&all))
    }

    /// Adds keys, so that the applier makes their rows equal.
    pub fn insert_sql(&self, keys: &[KeyValue]) -> String {
        let names: Vec<String> = self.key_columns().map(Ident::to_string).collect();
        let values: Vec<String> = keys.iter().map(|key| format!("({})", self.literals(key).join(", "))).collect();
        format!("INSERT INTO {} ({}) VALUES {}", self.table, names.join(", "), values.join(", "))
    }

    fn literals(&self, key: &KeyValue) -> Vec<String> {
        let literal =
            |(column, raw): (&KeyColumn, &String)| column.literal(raw).expect("a key value is checked when made");
        self.key.columns.iter().zip(key.raw()).map(literal).collect()
    }

    /// How many entries wait, from their numbers: an upper bound that costs two index look-ups.
    pub async fn backlog(&self, session: &mut Session) -> Result<u64, ServerError> {
        let seq = self.seq();
        let sql = format!("SELECT COALESCE(MAX({seq}) - MIN({seq}) + 1, 0) FROM {}", self.table);
        Ok(session.first_row::<u64>(&sql).await?.unwrap_or(0))
    }

    /// The distinct keys of entries as a derived table, so that a key that was logged twice joins once.
    pub fn distinct_keys(&self, seqs: Option<&[u64]>) -> String {
        let names: Vec<String> = self.key_columns().map(Ident::to_string).collect();
        let only = seqs.map(|seqs| format!(" WHERE {} IN ({})", self.seq(), number_list(seqs))).unwrap_or_default();
        format!("(SELECT DISTINCT {} FROM {}{only})", names.join(", "), self.table)
    }

    /// An INSERT into the log of the key of `NEW` or `OLD`, for a trigger.
    pub fn trigger_insert(&self, row: &str) -> String {
        let names: Vec<String> = self.key_columns().map(Ident::to_string).collect();
        let values: Vec<String> = self.key_columns().map(|column| format!("{row}.{column}")).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.table, names.join(", "), values.join(", "))
    }

    /// Whether any byte of the key differs between `OLD` and `NEW`: a change that the collation does not see is one.
    pub fn trigger_key_changed(&self) -> String {
        let same: Vec<String> = self
            .columns
            .iter()
            .zip(&self.key.columns)
            .map(|(column, key)| match key.kind {
                KeyKind::Text { .. } | KeyKind::Binary => {
                    format!("CAST(OLD.{0} AS BINARY) <=> CAST(NEW.{0} AS BINARY)", column.name)
                }
                KeyKind::Enum | KeyKind::Bit => format!("OLD.{0} + 0 <=> NEW.{0} + 0", column.name),
                KeyKind::Integer | KeyKind::Decimal | KeyKind::Temporal => {
                    format!("OLD.{0} <=> NEW.{0}", column.name)
                }
            })
            .collect();
        format!("NOT ({})", same.join(" AND "))
    }
}

fn definition(column: &Column) -> String {
    format!("{} {} NOT NULL", column.name, exact_type(column))
}

/// A column's type with its character set, for another column or a variable that holds the same values.
pub fn exact_type(column: &Column) -> String {
    let text = match (&column.charset, &column.collation) {
        (Some(charset), Some(collation)) => format!(" CHARACTER SET {charset} COLLATE {collation}"),
        _ => String::new(),
    };
    format!("{}{text}", column.column_type)
}

/// Checks raw texts that the server gave for a key.
pub fn key_value(key: &ChunkKey, texts: Vec<String>) -> Result<KeyValue, ServerError> {
    key.value(texts).map_err(|error| ServerError::Driver(error.to_string()))
}

/// A row of the text protocol as texts; NULL does not occur in key columns and counters.
pub fn row_texts(row: mysql_async::Row) -> Result<Vec<String>, ServerError> {
    let text = |value| match value {
        mysql_async::Value::Bytes(bytes) => {
            String::from_utf8(bytes).map_err(|_| ServerError::Driver("a key is not valid UTF-8 text".into()))
        }
        mysql_async::Value::Int(number) => Ok(number.to_string()),
        mysql_async::Value::UInt(number) => Ok(number.to_string()),
        other => Err(ServerError::Driver(format!("unexpected value {other:?} for a key"))),
    };
    row.unwrap().into_iter().map(text).collect()
}

/// `1, 2, 3` for an IN list.
pub fn number_list(numbers: &[u64]) -> String {
    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
    texts.join(",")
}
