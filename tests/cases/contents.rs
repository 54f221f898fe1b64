//! All of a table, byte for byte.

use anyhow::{Result, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::support::Kind;
use super::support::tables::{TextRow, each_row};

/// The rows of a table, in an order of their own.
pub async fn rows(conn: &mut Conn, kind: Kind, table: &str, ignore: &[String]) -> Result<Vec<TextRow>> {
    conn.query_drop("SET SESSION time_zone = '+00:00', sql_mode = ''").await?;
    let columns: Vec<(String, String, String)> = conn
        .query(format!(
            "SELECT column_name, data_type, column_type FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = '{table}' ORDER BY ordinal_position"
        ))
        .await?;
    ensure!(!columns.is_empty(), "`{table}` has no columns");
    let exact = columns.iter().filter(|(name, _, _)| !ignore.contains(name)).map(|(name, data_type, _)| {
        let name = format!("`{}`", name.replace('`', "``"));
        match data_type.to_lowercase().as_str() {
            "point" | "linestring" | "polygon" | "geometry" | "multipoint" | "multilinestring" | "multipolygon"
            | "geometrycollection" | "geomcollection" => {
                format!("CONCAT(HEX(ST_AsBinary({name})), ' ', ST_SRID({name}))")
            }
            "json" if kind == Kind::MySql97 => format!("HEX(CAST({name} AS CHAR CHARACTER SET utf8mb4))"),
            // The six digits of a FLOAT are not all it has.
            "float" => format!("{name} + 0e0"),
            "bit" => format!("{name} + 0"),
            // An ENUM's error value is an empty string, and so can be one of its values.
            "enum" | "set" => format!("CONCAT({name} + 0, ' ', HEX({name}))"),
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double" | "year" | "date"
            | "datetime" | "timestamp" | "time" => format!("CAST({name} AS CHAR)"),
            _ => format!("HEX({name})"),
        }
    });
    let exact: Vec<String> = exact.collect();
    let mut rows = Vec::new();
    each_row(conn, &format!("SELECT {} FROM `{table}`", exact.join(", ")), |row| rows.push(row)).await?;
    rows.sort_unstable();
    Ok(rows)
}

/// Fails with some of the rows that only one of the tables has.
pub fn expect_same(found: &[TextRow], wanted: &[TextRow]) -> Result<()> {
    let (extra, missing) = (only(found, wanted), only(wanted, found));
    ensure!(
        extra.is_empty() && missing.is_empty(),
        "of {} and {} rows, {} are only in the table: {:?}; and {} only in the server's own: {:?}",
        found.len(),
        wanted.len(),
        extra.len(),
        &extra[..extra.len().min(5)],
        missing.len(),
        &missing[..missing.len().min(5)],
    );
    Ok(())
}

/// Rows of one sorted list that the other does not have, each as often as it is one too many.
fn only(these: &[TextRow], those: &[TextRow]) -> Vec<String> {
    let mut those = those.iter().peekable();
    let mut only = Vec::new();
    for row in these {
        while those.next_if(|other| *other < row).is_some() {}
        if those.next_if(|other| *other == row).is_none() {
            only.push(text(row));
        }
    }
    only
}

fn text(row: &TextRow) -> String {
    let column = |value: &Option<Vec<u8>>| match value {
        None => "NULL".to_owned(),
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    row.iter().map(column).collect::<Vec<_>>().join(" | ")
}
