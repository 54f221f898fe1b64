//! Reading tables through the text protocol, without any code of the program under test.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Value};

/// Hash of a row's columns as the server prints them. NULL and the empty string differ, and so do ('a','bc') and
/// ('ab','c').
pub fn fingerprint<'a>(columns: impl IntoIterator<Item = Option<&'a [u8]>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for column in columns {
        match column {
            None => hasher.write_u8(0),
            Some(text) => {
                hasher.write_u8(1);
                hasher.write_usize(text.len());
                hasher.write(text);
            }
        }
    }
    hasher.finish()
}

/// A row of a text-protocol result: each column as printed by the server.
pub type TextRow = Vec<Option<Vec<u8>>>;

/// Streams a query's rows to a function, so that a table of any size can be read.
pub async fn each_row(conn: &mut Conn, sql: &str, mut row: impl FnMut(TextRow)) -> Result<()> {
    let mut result = conn.query_iter(sql).await.with_context(|| sql.to_owned())?;
    while let Some(next) = result.next().await? {
        row(next.unwrap().into_iter().map(text).collect());
    }
    Ok(())
}

fn text(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(bytes),
        // The text protocol has nothing but bytes.
        other => Some(other.as_sql(true).into_bytes()),
    }
}

/// A table's rows: fingerprint of the columns by the bytes of the key.
pub type Contents = HashMap<Vec<u8>, u64>;

/// Reads the key and the listed expressions of every row.
pub async fn contents(conn: &mut Conn, table: &str, key: &[String], columns: &[String]) -> Result<Contents> {
    let mut contents = Contents::new();
    let list: Vec<&str> = key.iter().chain(columns).map(String::as_str).collect();
    each_row(conn, &format!("SELECT {} FROM {table}", list.join(", ")), |row| {
        let (key_columns, rest) = row.split_at(key.len());
        contents.insert(key_bytes(key_columns), fingerprint(rest.iter().map(Option::as_deref)));
    })
    .await?;
    Ok(contents)
}

/// The bytes of a key, its parts kept apart.
pub fn key_bytes(columns: &[Option<Vec<u8>>]) -> Vec<u8> {
    let parts: Vec<&[u8]> = columns.iter().map(|part| part.as_deref().unwrap_or(b"NULL")).collect();
    parts.join(&b"\x1f"[..])
}

/// A key for people.
pub fn key_text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).replace('\x1f', ", ")
}
