//! The digest of a range of rows, and the query that names rows that differ.
//!
//! A row becomes one unambiguous byte string: which columns are NULL, then every value, those of variable length led
//! by it. SHA-256 of that is not linear, so differences of two rows cannot cancel in the XOR over a chunk, and the key
//! is in every string, so no two rows are alike.

use crate::change::Change;
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
struct Value {
    column: String,
    /// On either side, so that both have the same form.
    nullable: bool,
    value: String,
}

#[derive(Debug)]
struct Side {
    table: TableName,
    index: Ident,
    key: Vec<Ident>,
    row: String,
}

impl Digest {
    /// For a change whose shadow has its walked key in `shadow_index`.
    pub fn new(change: &Change, shadow_index: &Ident, flavor: Flavor) -> Digest {
        let pairs = &change.mapping.pairs;
        let nullable = |pair: &ColumnPair| pair.source.nullable || pair.target.nullable;
        let original = pairs.iter().map(|pair| {
            let column = format!("{}.{}", change.original, pair.source.name);
            let value = comparable(&converted(&column, &pair.source, &pair.target), &pair.target);
            Value { column, nullable: nullable(pair), value }
        });
        let shadow = pairs.iter().map(|pair| {
            let column = format!("{}.{}", change.shadow, pair.target.name);
            let value = comparable(&column, &pair.target);
            Value { column, nullable: nullable(pair), value }
        });
        Digest {
            original: Side {
                table: change.original.clone(),
                index: change.key.index.clone(),
                key: change.original_key(),
                row: row_digest(original.collect()),
            },
            shadow: Side {
                table: change.shadow.clone(),
                index: shadow_index.clone(),
                key: change.shadow_key(),
                row: row_digest(shadow.collect()),
            },
            change: change.clone(),
            flavor,
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
            let same_key: Vec<String> = side
                .key
                .iter()
                .zip(&other.key)
                .map(|(this, that)| format!("{}.{that} = {}.{this}", other.table, side.table))
                .collect();
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
                 WHERE {} AND ({}.{} IS NULL{or_different}){only} LIMIT {limit}",
                selected.join(", "),
                side.table,
                side.index,
                other.table,
                other.index,
                same_key.join(" AND "),
                self.condition(side, after, up_to),
                other.table,
                other.key[0],
            )
        };
        let different = format!(" OR {} <> {}", self.original.row, self.shadow.row);
        [one(&self.original, &self.shadow, &different), one(&self.shadow, &self.original, "")]
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
            format!(" AND pending.{first} IS NULL"),
        )
    }
}

/// The digests of all rows as one text. MySQL combines all 256 bits; MariaDB's BIT_XOR takes 64, which is enough for
/// a difference not to pass by chance.
fn combined(row: &str, flavor: Flavor) -> String {
    match flavor {
        Flavor::MySql => format!("COALESCE(HEX(BIT_XOR(UNHEX({row}))), '')"),
        Flavor::MariaDb => {
            format!("COALESCE(CAST(BIT_XOR(CAST(CONV(LEFT({row}, 16), 16, 10) AS UNSIGNED)) AS CHAR), '')")
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
        // Text of a FLOAT has six digits; as a DOUBLE it has all.
        "float" => format!("({sql} + 0e0)"),
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
        "double" => format!("({sql} + 0e0)"),
        _ => sql.to_owned(),
    }
}

fn digits_or_zero(arguments: &str) -> &str {
    if arguments.is_empty() { "0" } else { arguments }
}
