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
        while let Some((column, literal)) = comparisons.pop() {
            predicate = format!("({column} {strict} {literal} OR ({column} = {literal} AND {predicate}))");
            if comparisons.is_empty() {
                predicate = format!("({column} {strict}= {literal} AND {predicate})");
            }
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key_column(name: &str, kind: KeyKind) -> KeyColumn {
        KeyColumn { source: Ident::new(name), target: Ident::new(name), kind, narrows: false }
    }

    fn integer_key(columns: usize) -> ChunkKey {
        let names = ["a", "b", "c", "d"];
        ChunkKey {
            index: Ident::new("PRIMARY"),
            columns: names[..columns].iter().map(|name| key_column(name, KeyKind::Integer)).collect(),
        }
    }

    fn value(key: &ChunkKey, raw: &[&str]) -> KeyValue {
        key.value(raw.iter().map(|raw| (*raw).to_owned()).collect()).unwrap()
    }

    #[test]
    fn predicates_are_spelled_out() {
        let one = integer_key(1);
        let columns = one.source_columns();
        assert_eq!(one.after(&columns, &value(&one, &["-1"])), "`a` > -1");
        assert_eq!(one.up_to(&columns, &value(&one, &["7"])), "`a` <= 7");
        let range = one.within(&columns, Some(&value(&one, &["1"])), &value(&one, &["7"]));
        assert_eq!(range, "`a` > 1 AND `a` <= 7");

        let three = integer_key(3);
        let columns = three.source_columns();
        let bound = value(&three, &["1", "2", "3"]);
        assert_eq!(
            three.after(&columns, &bound),
            "(`a` >= 1 AND (`a` > 1 OR (`a` = 1 AND (`b` > 2 OR (`b` = 2 AND `c` > 3)))))"
        );
        assert_eq!(
            three.up_to(&columns, &bound),
            "(`a` <= 1 AND (`a` < 1 OR (`a` = 1 AND (`b` < 2 OR (`b` = 2 AND `c` <= 3)))))"
        );
        assert_eq!(three.equal(&columns, &bound), "`a` = 1 AND `b` = 2 AND `c` = 3");
    }

    #[test]
    fn literals_are_what_the_column_compares_with() {
        #[track_caller]
        fn check(kind: KeyKind, raw: &str, literal: &str, select: &str) {
            let column = key_column("k", kind);
            assert_eq!(column.literal(raw).as_deref(), Ok(literal));
            assert_eq!(column.select_expr("`k`"), select);
        }
        let latin1 = || KeyKind::Text { charset: "latin1".to_owned() };
        check(KeyKind::Integer, "-12", "-12", "`k`");
        check(KeyKind::Integer, "00042", "00042", "`k`");
        check(KeyKind::Decimal, "-0.50", "-0.50", "`k`");
        check(KeyKind::Temporal, "2024-01-01 00:00:00.000", "'2024-01-01 00:00:00.000'", "`k`");
        check(KeyKind::Temporal, "-838:59:59", "'-838:59:59'", "`k`");
        check(KeyKind::Temporal, "0000-00-00", "'0000-00-00'", "`k`");
        check(latin1(), "61", "_latin1 X'61'", "HEX(`k`)");
        check(latin1(), "", "_latin1 X''", "HEX(`k`)");
        check(KeyKind::Binary, "00FF", "X'00FF'", "HEX(`k`)");
        check(KeyKind::Binary, "", "X''", "HEX(`k`)");
        check(KeyKind::Bit, "5", "5", "`k`+0");
        check(KeyKind::Enum, "2", "2", "`k`+0");
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let text = || KeyKind::Text { charset: "utf8mb4".to_owned() };
        for (kind, raw) in [
            (KeyKind::Integer, ""),
            (KeyKind::Integer, "-"),
            (KeyKind::Integer, "1 OR 1"),
            (KeyKind::Integer, "1.0"),
            (KeyKind::Integer, "٣"),
            (KeyKind::Decimal, "1."),
            (KeyKind::Decimal, ".5"),
            (KeyKind::Decimal, "1e5"),
            (KeyKind::Temporal, "2024' OR '1"),
            (KeyKind::Temporal, ""),
            (text(), "6"),
            (text(), "6g"),
            (text(), "ab"),
            (KeyKind::Binary, "'"),
            (KeyKind::Bit, "-1"),
            (KeyKind::Enum, "x"),
        ] {
            let column = key_column("k", kind);
            assert!(column.literal(raw).is_err(), "{column:?} {raw:?}");
        }
        let key = integer_key(2);
        let error = key.value(vec!["1".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "1 values for a key of 2 columns");
        let error = key.value(vec!["1".to_owned(), "x".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "\"x\" is no value of key column `b`");
    }

    #[test]
    fn a_value_serializes_as_its_raw_text() {
        let key = integer_key(2);
        assert_eq!(serde_json::to_string(&value(&key, &["1", "2"])).unwrap(), r#"["1","2"]"#);
    }

    #[test]
    #[should_panic(expected = "a value of another key")]
    fn a_value_of_another_key_is_a_defect() {
        let (one, two) = (integer_key(1), integer_key(2));
        two.after(&two.source_columns(), &value(&one, &["1"]));
    }

    /// Evaluates the predicates above on a row: comparisons of a column with a number, AND, OR, parentheses.
    struct Evaluator<'a> {
        rest: &'a str,
        row: &'a [i64],
    }

    impl Evaluator<'_> {
        fn holds(predicate: &str, row: &[i64]) -> bool {
            let mut evaluator = Evaluator { rest: predicate, row };
            let result = evaluator.or();
            assert_eq!(evaluator.rest, "", "{predicate}");
            result
        }

        fn take(&mut self, text: &str) -> bool {
            match self.rest.strip_prefix(text) {
                Some(rest) => {
                    self.rest = rest;
                    true
                }
                None => false,
            }
        }

        fn or(&mut self) -> bool {
            let mut result = self.and();
            while self.take(" OR ") {
                result |= self.and();
            }
            result
        }

        fn and(&mut self) -> bool {
            let mut result = self.operand();
            while self.take(" AND ") {
                result &= self.operand();
            }
            result
        }

        fn operand(&mut self) -> bool {
            if self.take("(") {
                let result = self.or();
                assert!(self.take(")"), "{}", self.rest);
                return result;
            }
            let column = ["`a`", "`b`", "`c`", "`d`"].iter().position(|name| self.take(name)).unwrap();
            let operator = [" >= ", " <= ", " > ", " < ", " = "].into_iter().find(|operator| self.take(operator));
            let end = self.rest.find([' ', ')']).unwrap_or(self.rest.len());
            let (number, rest) = self.rest.split_at(end);
            self.rest = rest;
            let (left, right) = (self.row[column], number.parse::<i64>().unwrap());
            match operator.unwrap().trim() {
                ">=" => left >= right,
                "<=" => left <= right,
                ">" => left > right,
                "<" => left < right,
                _ => left == right,
            }
        }
    }

    proptest! {
        #[test]
        fn predicates_equal_comparison_of_tuples(
            columns in 1_usize..=4,
            bound in prop::array::uniform4(-2_i64..3),
            row in prop::array::uniform4(-2_i64..3),
        ) {
            let key = integer_key(columns);
            let (bound, row) = (&bound[..columns], &row[..columns]);
            let value = key.value(bound.iter().map(i64::to_string).collect()).unwrap();
            let names = key.source_columns();
            prop_assert_eq!(Evaluator::holds(&key.after(&names, &value), row), row > bound);
            prop_assert_eq!(Evaluator::holds(&key.up_to(&names, &value), row), row <= bound);
            prop_assert_eq!(Evaluator::holds(&key.equal(&names, &value), row), row == bound);
        }

        #[test]
        fn no_accepted_text_leaves_its_literal(raw in any::<String>()) {
            for kind in [
                KeyKind::Integer, KeyKind::Decimal, KeyKind::Temporal, KeyKind::Binary, KeyKind::Bit, KeyKind::Enum,
                KeyKind::Text { charset: "utf8mb4".to_owned() },
            ] {
                if key_column("k", kind).literal(&raw).is_ok() {
                    prop_assert!(!raw.contains(['\'', '"', '\\', '`', ';', '(', '/', '#']));
                }
            }
        }
    }
}
