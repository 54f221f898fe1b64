//! Values of a chunk key: as text for a checkpoint, as literals and range predicates for SQL.
//!
//! Invariant: only text that was checked against its column becomes part of a statement, and a bound selects the same
//! rows whatever the session's character set and sql_mode are.

use serde::Serialize;

use super::key::{ChunkKey, KeyColumn, KeyKind};
use crate::sql::Ident;

/// One value of a chunk key in raw text, made by [`ChunkKey::value`] only.
///
/// Numbers and temporals are as the server prints them, text and bytes are upper-case hexadecimal, BIT, ENUM and SET
/// are numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct KeyValue(Vec<String>);

/// Raw text that is no value of its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedKey {
    /// Another number of values than the key has columns.
    #[error("{found} values for a key of {expected} columns")]
    Columns {
        /// Columns of the key.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// Not a value of that column.
    #[error("{raw:?} is no value of key column {column}")]
    Value {
        /// Which.
        column: Ident,
        /// What was given.
        raw: String,
    },
}

impl KeyValue {
    /// The raw text, one for each column.
    pub fn raw(&self) -> &[String] {
        &self.0
    }
}

impl KeyColumn {
    /// The expression that selects the raw text of the column, which is given as SQL.
    pub fn select_expr(&self, column_sql: &str) -> String {
        match self.kind {
            KeyKind::Integer | KeyKind::Decimal | KeyKind::Temporal => column_sql.to_owned(),
            KeyKind::Text { .. } | KeyKind::Binary => format!("HEX({column_sql})"),
            KeyKind::Bit | KeyKind::Enum => format!("{column_sql}+0"),
        }
    }

    /// The literal that compares with the column as the value itself does, and by its index.
    ///
    /// # Errors
    /// The raw text is no value of the column.
    pub fn literal(&self, raw: &str) -> Result<String, MalformedKey> {
        if self.is_value(raw) {
            return Ok(self.rendered(raw));
        }
        Err(MalformedKey::Value { column: self.source.clone(), raw: raw.to_owned() })
    }

    fn rendered(&self, raw: &str) -> String {
        match &self.kind {
            KeyKind::Integer | KeyKind::Decimal | KeyKind::Bit | KeyKind::Enum => raw.to_owned(),
            KeyKind::Temporal => format!("'{raw}'"),
            // Without COLLATE the literal is coercible, so the column's own collation decides and its index is used.
            KeyKind::Text { charset } => format!("_{charset} X'{raw}'"),
            KeyKind::Binary => format!("X'{raw}'"),
        }
    }

    fn is_value(&self, raw: &str) -> bool {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = raw.strip_prefix('-').unwrap_or(raw);
        match self.kind {
            KeyKind::Integer => digits(unsigned),
            KeyKind::Decimal => match unsigned.split_once('.') {
                Some((whole, fraction)) => digits(whole) && digits(fraction),
                None => digits(unsigned),
            },
            KeyKind::Bit | KeyKind::Enum => digits(raw),
            KeyKind::Text { .. } | KeyKind::Binary => {
                raw.len().is_multiple_of(2) && raw.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
            }
            KeyKind::Temporal => {
                raw.starts_with(|first: char| first.is_ascii_digit() || first == '-')
                    && raw.ends_with(|last: char| last.is_ascii_digit())
                    && raw.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b':' | b'.' | b' '))
            }
        }
    }
}

impl ChunkKey {
    /// Checks raw text and makes it a value of this key.
    ///
    /// # Errors
    /// The raw text is no value of the key.
    pub fn value(&self, raw: Vec<String>) -> Result<KeyValue, MalformedKey> {
        if raw.len() != self.columns.len() {
            return Err(MalformedKey::Columns { expected: self.columns.len(), found: raw.len() });
        }
        match self.columns.iter().zip(&raw).find(|(column, raw)| !column.is_value(raw)) {
            Some((column, raw)) => Err(MalformedKey::Value { column: column.source.clone(), raw: raw.clone() }),
            None => Ok(KeyValue(raw)),
        }
    }

    /// The select list that gives the raw text of a value, `columns_sql` being the key's columns in order.
    pub fn select_list(&self, columns_sql: &[String]) -> String {
        let expressions = self.columns.iter().zip(columns_sql).map(|(column, sql)| column.select_expr(sql));
        expressions.collect::<Vec<_>>().join(", ")
    }

    /// `columns > value` in the order of the key.
    ///
    /// # Panics
    /// As all predicates, when the columns or the value are another key's.
    pub fn after(&self, columns_sql: &[String], value: &KeyValue) -> String {
        self.compare(columns_sql, value, '>', ">")
    }

    /// `columns <= value` in the order of the key.
    pub fn up_to(&self, columns_sql: &[String], value: &KeyValue) -> String {
        self.compare(columns_sql, value, '<', "<=")
    }

    /// `columns > after AND columns <= up_to`, the lower bound only when there is one.
    pub fn within(&self, columns_sql: &[String], after: Option<&KeyValue>, up_to: &KeyValue) -> String {
        match after {
            Some(after) => format!("{} AND {}", self.after(columns_sql, after), self.up_to(columns_sql, up_to)),
            None => self.up_to(columns_sql, up_to),
        }
    }

    /// `columns = value`.
    pub fn equal(&self, columns_sql: &[String], value: &KeyValue) -> String {
        let equal = self.literals(columns_sql, value).map(|(column, literal)| format!("{column} = {literal}"));
        equal.collect::<Vec<_>>().join(" AND ")
    }

    /// The comparison spelled out, because no server uses an index for `(a, b) > (1, 2)`.
    /// For a composite key the leading column's bound is repeated in front: it alone is a range for the optimizer.
    fn compare(&self, columns_sql: &[String], value: &KeyValue, strict: char, last: &str) -> String {
        let mut comparisons: Vec<(String, String)> =
            self.literals(columns_sql, value).map(|(column, literal)| (column.clone(), literal)).collect();
        let Some((column, literal)) = comparisons.pop() else { return "TRUE".to_owned() };
        let mut predicate = format!("{column} {last} {literal}");
        let composite = !comparisons.is_empty();
        while let Some((column, literal)) = comparisons.pop() {
            predicate = format!("({column} {strict} {literal} OR ({column} = {literal} AND {predicate}))");
            if comparisons.is_empty() {
                predicate = format!("({column} {strict}= {literal} AND {predicate})");
            }
        }
        debug_assert!(!composite || predicate.starts_with('('));
        predicate
    }

    fn literals<'a>(
        &'a self,
        columns_sql: &'a [String],
        value: &'a KeyValue,
    ) -> impl Iterator<Item = (&'a String, String)> {
        // A shorter value would silently make a wider range.
        assert_eq!(columns_sql.len(), self.columns.len(), "columns of another key");
        assert_eq!(value.0.len(), self.columns.len(), "a value of another key");
        let literals = self.columns.iter().zip(&value.0).map(|(column, raw)| column.rendered(raw));
        columns_sql.iter().zip(literals)
    }
}
