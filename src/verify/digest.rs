//! The digest of a range of rows, and the query that names rows that differ.
//!
//! A row becomes one unambiguous byte string: which columns are NULL, then every value, those of variable length led
//! by it. SHA-256 of that is not linear, so differences of two rows cannot cancel in the XOR over a chunk, and the key
//! is in every string, so no two rows are alike.

use crate::change::{Change, Direction, zoned_value};
use crate::plan::{ColumnPair, KeyValue};
use crate::schema::Column;
use crate::server::Flavor;
use crate::sql::{Ident, TableName};

/// Renders the queries of a verification.
#[derive(Debug)]
pub struct Digest {
    original: Side,
    shadow: Side,
    change: Change,
    flavor: Flavor,
}

/// A column as it goes into the digest.
#[derive(Clone)]
struct Value {
    column: String,
    /// On either side, so that both have the same form.
    nullable: bool,
    value: String,
}

#[derive(Debug, Clone)]
struct Side {
    table: TableName,
    index: Ident,
    key: Vec<Ident>,
    /// The digest of a row, and those of its columns alone.
    row: String,
    columns: Vec<String>,
}

impl Side {
    fn new(table: &TableName, index: &Ident, key: Vec<Ident>, values: Vec<Value>) -> Side {
        let columns = values.iter().map(|value| row_digest(vec![value.clone()])).collect();
        Side { table: table.clone(), index: index.clone(), key, row: row_digest(values), columns }
    }
}

/// A value that the way there has rounded is equal on the way back when it rounds to the same once more.
fn as_source(change: &Change, pair: &ColumnPair) -> bool {
    change.direction == Direction::Back && rounds(&pair.target, &pair.source)
}

/// The values of a table that has the shadow's columns.
fn as_stored(change: &Change, table: &TableName) -> Vec<Value> {
    let value = |pair: &ColumnPair| {
        let column = format!("{table}.{}", pair.target.name);
        let value = match as_source(change, pair) {
            true => comparable(&converted(&column, &pair.target, &pair.source), &pair.source),
            false => comparable(&column, &pair.target),
        };
        Value { column, nullable: pair.source.nullable || pair.target.nullable, value }
    };
    change.mapping.pairs.iter().map(value).collect()
}

impl Digest {
    /// For a change whose shadow has its walked key in `shadow_index`.
    pub fn new(change: &Change, shadow_index: &Ident, flavor: Flavor) -> Digest {
        let pairs = &change.mapping.pairs;
        let nullable = |pair: &ColumnPair| pair.source.nullable || pair.target.nullable;
        let original = pairs.iter().map(|pair| {
            let column = format!("{}.{}", change.original, pair.source.name);
            let value = match as_source(change, pair) {
                true => comparable(&column, &pair.source),
                false => comparable(&converted(&column, &pair.source, &pair.target), &pair.target),
            };
            Value { column, nullable: nullable(pair), value }
        });
        Digest {
            original: Side::new(&change.original, &change.key.index, change.original_key(), original.collect()),
            shadow: Side::new(&change.shadow, shadow_index, change.shadow_key(), as_stored(change, &change.shadow)),
            change: change.clone(),
            flavor,
        }
    }

    /// The same with a table that has the original's rows as the server has converted them, under the shadow's names.
    pub fn of_converted(&self, converted: &TableName, index: &Ident) -> Digest {
        let Digest { change, flavor, shadow, .. } = self;
        let values = as_stored(change, converted);
        Digest {
            original: Side::new(converted, index, change.shadow_key(), values),
            shadow: shadow.clone(),
            change: change.clone(),
            flavor: *flavor,
        }
    }

    /// Count and digest of the original's rows in a range, mapped as the copy maps them. `pending` leaves out keys
    /// that wait in the change log.
    pub fn original_sql(&self, after: Option<&KeyValue>, up_to: Option<&KeyValue>, pending: bool) -> String {
        self.chunk_sql(&self.original, after, up_to, pending)
    }

    /// The same of the shadow.
    pub fn shadow_sql(&self, after: Option<&KeyValue>, up_to: Option<&KeyValue>, pending: bool) -> String {
        self.chunk_sql(&self.shadow, after, up_to, pending)
    }

    fn chunk_sql(&self, side: &Side, after: Option<&KeyValue>, up_to: Option<&KeyValue>, pending: bool) -> String {
        let (join, only) = self.without_pending(side, pending);
        format!(
            "SELECT COUNT(*), {} FROM {} FORCE INDEX ({}){join} WHERE {}{only}",
            combined(&side.row, self.flavor),
            side.table,
            side.index,
            self.condition(side, after, up_to),
        )
    }

    /// Keys in a range that are missing or different in the shadow, and keys that only the shadow has.
    pub fn differing_sql(
        &self,
        after: Option<&KeyValue>,
        up_to: Option<&KeyValue>,
        pending: bool,
        limit: usize,
    ) -> [String; 2] {
        let one = |side: &Side, other: &Side, or_different: &str| {
            let (join, only) = self.without_pending(side, pending);
            let selected: Vec<String> = self
                .change
                .key
                .columns
                .iter()
                .zip(&side.key)
                .map(|(column, name)| column.select_expr(&format!("{}.{name}", side.table)))
                .collect();
            format!(
                "SELECT {} FROM {} FORCE INDEX ({}) LEFT JOIN {} FORCE INDEX ({}) ON {}{join} \
                 WHERE {} AND ({}.{} <=> NULL{or_different}){only} LIMIT {limit}",
                selected.join(", "),
                side.table,
                side.index,
                other.table,
                other.index,
                same_key(side, other),
                self.condition(side, after, up_to),
                other.table,
                other.key[0],
            )
        };
        let different = format!(" OR {} <> {}", self.original.row, self.shadow.row);
        [one(&self.original, &self.shadow, &different), one(&self.shadow, &self.original, "")]
    }

    /// Whether the shadow has the row with a key, and which columns differ, as a 0 or 1 for each pair of the mapping; no
    /// row where the original has none.
    pub fn columns_sql(&self, key: &KeyValue) -> String {
        let Digest { original, shadow, .. } = self;
        let pairs = original.columns.iter().zip(&shadow.columns);
        let differ: Vec<String> = pairs.map(|(original, shadow)| format!("IF({original} = {shadow}, 0, 1)")).collect();
        let columns: Vec<String> = original.key.iter().map(|column| format!("{}.{column}", original.table)).collect();
        format!(
            "SELECT {}.{} IS NOT NULL, CONCAT({}) FROM {} FORCE INDEX ({}) LEFT JOIN {} FORCE INDEX ({}) ON {} WHERE {}",
            shadow.table,
            shadow.key[0],
            differ.join(", "),
            original.table,
            original.index,
            shadow.table,
            shadow.index,
            same_key(original, shadow),
            self.change.key.equal(&columns, key),
        )
    }

    fn condition(&self, side: &Side, after: Option<&KeyValue>, up_to: Option<&KeyValue>) -> String {
        let columns: Vec<String> = side.key.iter().map(|column| format!("{}.{column}", side.table)).collect();
        let key = &self.change.key;
        match (after, up_to) {
            (after, Some(up_to)) => key.within(&columns, after, up_to),
            (Some(after), None) => key.after(&columns, after),
            (None, None) => "TRUE".to_owned(),
        }
    }

    fn without_pending(&self, side: &Side, pending: bool) -> (String, String) {
        if !pending {
            return (String::new(), String::new());
        }
        let log = &self.change.log;
        let same: Vec<String> = log
            .key_columns()
            .zip(&side.key)
            .map(|(logged, column)| format!("pending.{logged} = {}.{column}", side.table))
            .collect();
        let first = log.key_columns().next().expect("a key has columns");
        (
            format!(" LEFT JOIN {} AS pending ON {}", log.distinct_keys(None), same.join(" AND ")),
            // Not IS NULL, which both servers take for a zero date, too.
            format!(" AND pending.{first} <=> NULL"),
        )
    }
}

fn same_key(side: &Side, other: &Side) -> String {
    let equal = |(this, that)| format!("{}.{that} = {}.{this}", other.table, side.table);
    side.key.iter().zip(&other.key).map(equal).collect::<Vec<_>>().join(" AND ")
}

/// The digests of all rows as one text. MySQL combines all 256 bits; MariaDB's BIT_XOR takes 64, so there are two of it.
fn combined(row: &str, flavor: Flavor) -> String {
    match flavor {
        Flavor::MySql => format!("COALESCE(HEX(BIT_XOR(UNHEX({row}))), '')"),
        Flavor::MariaDb => {
            let half = |from: u32| format!("BIT_XOR(CAST(CONV(SUBSTR({row}, {from}, 16), 16, 10) AS UNSIGNED))");
            format!("COALESCE(CONCAT({}, ' ', {}), '')", half(1), half(17))
        }
    }
}

/// SHA-256 of the row's byte string.
fn row_digest(columns: Vec<Value>) -> String {
    // CONCAT_WS leaves NULLs out; which ones those are is the first part.
    let nulls: Vec<String> =
        columns.iter().filter(|value| value.nullable).map(|value| format!("ISNULL({})", value.column)).collect();
    let mut parts: Vec<String> = Vec::new();
    if !nulls.is_empty() {
        parts.push(format!("CONCAT({})", nulls.join(", ")));
    }
    parts.extend(columns.into_iter().map(|value| value.value));
    format!("SHA2(CONCAT_WS(',', {}), 256)", parts.join(", "))
}

/// The parts that stand for a value in the row's byte string.
fn comparable(sql: &str, column: &Column) -> String {
    match column.data_type.as_str() {
        "char" | "varchar" | "tinytext" | "text" | "enum" | "set" => {
            format!("LENGTH({sql}), CAST({sql} AS BINARY)")
        }
        "binary" | "varbinary" | "tinyblob" | "blob" => format!("LENGTH({sql}), {sql}"),
        // A row's byte string must stay under max_allowed_packet, so what can be long stands in as its own digest.
        "mediumtext" | "longtext" | "mediumblob" | "longblob" => format!("SHA2({sql}, 256)"),
        "json" => format!("SHA2(CAST({sql} AS CHAR), 256)"),
        // Text of a FLOAT has six digits; as a DOUBLE it has all. A sum would make 0 of -0.
        "float" => format!("({sql} * 1e0)"),
        "bit" => format!("({sql} + 0)"),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double" | "date" | "datetime"
        | "timestamp" | "time" | "year" => sql.to_owned(),
        // Geometry, vector, uuid, inet and whatever comes: their bytes.
        _ => format!("HEX({sql})"),
    }
}

/// The original's value as the INSERT into the shadow converts it.
fn converted(sql: &str, source: &Column, target: &Column) -> String {
    if source.column_type == target.column_type && source.charset == target.charset {
        return sql.to_owned();
    }
    let sql = &match is_geometry(source) && is_number(target) {
        // MySQL does not count with geometry (1210), not even in a table without rows. It makes no number of
        // a value, so there are only NULLs.
        true => format!("HEX({sql})"),
        false => zoned_value(sql, source, target),
    };
    let arguments = target.column_type.split_once('(').map_or("", |(_, rest)| rest.split(')').next().unwrap_or(""));
    let unsigned = target.column_type.contains("unsigned");
    match target.data_type.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => {
            format!("CAST({sql} AS {})", if unsigned { "UNSIGNED" } else { "SIGNED" })
        }
        "decimal" => format!("CAST({sql} AS DECIMAL({arguments}))"),
        "datetime" | "timestamp" => format!("CAST({sql} AS DATETIME({}))", digits_or_zero(arguments)),
        "time" => format!("CAST({sql} AS TIME({}))", digits_or_zero(arguments)),
        "date" => format!("CAST({sql} AS DATE)"),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => {
            let charset = target.charset.as_deref().unwrap_or("utf8mb4");
            format!("CONVERT({sql} USING {charset})")
        }
        "binary" => format!("CAST({sql} AS BINARY({arguments}))"),
        "double" => format!("({sql} * 1e0)"),
        _ => sql.to_owned(),
    }
}

fn is_geometry(column: &Column) -> bool {
    let types = ["geometry", "point", "linestring", "polygon", "geometrycollection", "geomcollection"];
    types.contains(&column.data_type.trim_start_matches("multi"))
}

fn is_number(column: &Column) -> bool {
    let types = ["tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit", "year"];
    types.contains(&column.data_type.as_str())
}

/// Whether a type takes values of the other that it has no digits for, without an error.
pub fn rounds(from: &Column, to: &Column) -> bool {
    let digits = |column: &Column, at: usize| -> u32 {
        let inner = column.column_type.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        let argument = inner.and_then(|(inner, _)| inner.split(',').nth(at));
        argument.and_then(|digits| digits.trim().parse().ok()).unwrap_or(0)
    };
    let fraction = |column: &Column| match column.data_type.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "date" | "year" => Some(0),
        "decimal" => Some(digits(column, 1)),
        "datetime" | "timestamp" | "time" => Some(digits(column, 0)),
        "float" => Some(100),
        "double" => Some(200),
        _ => None,
    };
    let day_only = |column: &Column| matches!(column.data_type.as_str(), "date");
    // Of the hour that a clock shows twice in autumn, it says only one.
    let shows_twice = from.data_type == "timestamp" && to.data_type != "timestamp";
    match (fraction(from), fraction(to)) {
        (Some(from_digits), Some(to_digits)) => {
            to_digits < from_digits || (day_only(to) && !day_only(from)) || shows_twice
        }
        _ => false,
    }
}

fn digits_or_zero(arguments: &str) -> &str {
    if arguments.is_empty() { "0" } else { arguments }
}
