//! What the server says of a table.

pub mod relations;
pub mod table;

pub use relations::Relations;
pub use table::{Column, Index, IndexPart, Table};

use crate::server::{Flavor, ServerError, Session, errno};
use crate::shadow::index_lines;
use crate::sql::{Ident, TableName, string_literal};

/// Reads a base table; `None` when there is no base table of that name.
pub async fn inspect(session: &mut Session, name: &TableName) -> Result<Option<Table>, ServerError> {
    let Some((engine, rows_estimate, data_bytes, index_bytes)) = session
        .first_row::<(Option<String>, Option<u64>, Option<u64>, Option<u64>)>(&format!(
            "SELECT engine, table_rows, data_length, index_length FROM information_schema.tables \
             WHERE {} AND table_type = 'BASE TABLE'",
            belongs_to(name)
        ))
        .await?
    else {
        return Ok(None);
    };
    let Some(create_sql) = create_sql(session, name).await? else { return Ok(None) };
    let mut indexes = indexes(session, name).await?;
    let in_order: Vec<Ident> = index_lines(&create_sql).map(|(index, _)| index).collect();
    let position = |index: &Index| in_order.iter().position(|name| *name == index.name).unwrap_or(in_order.len());
    indexes.sort_by_key(|index| (!index.is_primary(), position(index)));
    Ok(Some(Table {
        name: name.clone(),
        columns: columns(session, name).await?,
        indexes,
        engine: engine.unwrap_or_default(),
        rows_estimate: rows_estimate.unwrap_or(0),
        data_bytes: data_bytes.unwrap_or(0),
        index_bytes: index_bytes.unwrap_or(0),
        create_sql,
    }))
}

/// Estimated rows, and bytes with indexes, of a base table; `None` when there is none of that name.
pub async fn size(session: &mut Session, name: &TableName) -> Result<Option<(u64, u64)>, ServerError> {
    let sql = format!(
        "SELECT COALESCE(table_rows, 0), COALESCE(data_length, 0) + COALESCE(index_length, 0) \
         FROM information_schema.tables WHERE {} AND table_type = 'BASE TABLE'",
        belongs_to(name)
    );
    session.first_row(&sql).await
}

/// The text of SHOW CREATE TABLE; `None` when the table does not exist.
pub async fn create_sql(session: &mut Session, name: &TableName) -> Result<Option<String>, ServerError> {
    match session.first_row::<(String, Vec<u8>)>(&format!("SHOW CREATE TABLE {name}")).await {
        Ok(row) => Ok(row.map(|(_, sql)| printable(&sql))),
        Err(error) if error.code() == Some(errno::NO_SUCH_TABLE) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Text of the server with what is not UTF-8 escaped: MariaDB prints the default of a BINARY column as its bytes. Two
/// definitions are still equal exactly when they were.
fn printable(text: &[u8]) -> String {
    let mut printable = String::new();
    for chunk in text.utf8_chunks() {
        printable.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| printable.push_str(&format!("\\x{byte:02x}")));
    }
    printable
}

/// Whether a table (or view) of that name exists.
pub async fn exists(session: &mut Session, name: &TableName) -> Result<bool, ServerError> {
    let sql = format!("SELECT COUNT(*) FROM information_schema.tables WHERE {}", belongs_to(name));
    Ok(session.first_row::<u64>(&sql).await?.unwrap_or(0) > 0)
}

/// Whether a schema has no table and no view.
pub async fn is_empty(session: &mut Session, schema: &Ident) -> Result<bool, ServerError> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = {}",
        string_literal(schema.as_str())
    );
    Ok(session.first_row::<u64>(&sql).await?.unwrap_or(0) == 0)
}

/// Whether a schema of that name exists.
pub async fn schema_exists(session: &mut Session, schema: &Ident) -> Result<bool, ServerError> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = {}",
        string_literal(schema.as_str())
    );
    Ok(session.first_row::<u64>(&sql).await?.unwrap_or(0) > 0)
}

/// A query for what something that may be no base table is: `VIEW`, `SEQUENCE`.
pub fn kind_sql(name: &TableName) -> String {
    format!("SELECT table_type FROM information_schema.tables WHERE {}", belongs_to(name))
}

/// A query for the names of the base tables of a schema.
pub fn tables_sql(schema: &Ident) -> String {
    format!(
        "SELECT table_name FROM information_schema.tables \
         WHERE table_schema = {} AND table_type = 'BASE TABLE' ORDER BY table_name",
        string_literal(schema.as_str())
    )
}

/// A condition on information_schema rows that belong to a table.
pub(crate) fn belongs_to(name: &TableName) -> String {
    format!(
        "table_schema = {} AND table_name = {}",
        string_literal(name.schema.as_str()),
        string_literal(name.table.as_str())
    )
}

/// MySQL prints `CURRENT_TIMESTAMP(3)`, MariaDB `current_timestamp(3)`. A text column may have these words for its default;
/// it is a DATETIME column of which this is asked.
fn is_now(default: &str) -> bool {
    default.get(..17).is_some_and(|word| word.eq_ignore_ascii_case("CURRENT_TIMESTAMP"))
}

/// Reads a table's columns.
pub(crate) async fn columns(session: &mut Session, name: &TableName) -> Result<Vec<Column>, ServerError> {
    type Row = (String, String, String, String, Option<String>, String, Option<String>, Option<String>, Option<String>);
    let rows: Vec<Row> = session
        .rows(&format!(
            "SELECT column_name, data_type, column_type, is_nullable, column_default, extra, \
             character_set_name, collation_name, generation_expression \
             FROM information_schema.columns WHERE {} ORDER BY ordinal_position",
            belongs_to(name)
        ))
        .await?;
    let column = |(name, data_type, column_type, nullable, default, extra, charset, collation, expression): Row| {
        let extra = extra.to_lowercase();
        let nullable = nullable == "YES";
        Column {
            name: Ident::new(name),
            data_type: data_type.to_lowercase(),
            column_type,
            nullable,
            defaults_to_now: default.as_deref().is_some_and(is_now),
            has_default: nullable || default.is_some() || extra.contains("default_generated"),
            extra,
            charset,
            collation,
            generated: expression.is_some_and(|expression| !expression.is_empty()),
        }
    };
    Ok(rows.into_iter().map(column).collect())
}

/// Reads a table's indexes.
pub(crate) async fn indexes(session: &mut Session, name: &TableName) -> Result<Vec<Index>, ServerError> {
    type Row = (String, u64, String, Option<String>, Option<u64>, String);
    let usable = match session.server().facts.flavor {
        Flavor::MySql => "is_visible",
        Flavor::MariaDb if session.server().facts.version >= (10, 6, 0) => "IF(ignored = 'YES', 'NO', 'YES')",
        Flavor::MariaDb => "'YES'",
    };
    let rows: Vec<Row> = session
        .rows(&format!(
            "SELECT index_name, non_unique, index_type, column_name, sub_part, {usable} \
             FROM information_schema.statistics WHERE {} ORDER BY index_name = 'PRIMARY' DESC, index_name, seq_in_index",
            belongs_to(name)
        ))
        .await?;
    let mut indexes: Vec<Index> = Vec::new();
    for (name, non_unique, kind, column, sub_part, usable) in rows {
        let part = IndexPart {
            column: column.map(Ident::new),
            prefix: sub_part.map(|length| u32::try_from(length).unwrap_or(u32::MAX)),
        };
        match indexes.last_mut() {
            Some(index) if index.name.as_str() == name => index.parts.push(part),
            _ => indexes.push(Index {
                name: Ident::new(name),
                unique: non_unique == 0,
                kind,
                usable: usable == "YES",
                parts: vec![part],
            }),
        }
    }
    Ok(indexes)
}
