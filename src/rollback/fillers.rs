//! What a row gets in a column that takes no NULL and has no default: what the server's own ALTER fills in.

use crate::schema::{Column, Table};

/// A literal, `None` for types that have no such value.
pub(super) fn filler(column: &Column, of: &Table) -> Option<&'static str> {
    // MariaDB's JSON is a LONGTEXT with a check.
    if of.create_sql.contains(&format!("json_valid({})", column.name)) {
        return Some("'null'");
    }
    Some(match column.data_type.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "bit" | "year" => {
            "0"
        }
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "binary" | "varbinary" | "tinyblob"
        | "blob" | "mediumblob" | "longblob" | "set" => "''",
        // Its first value.
        "enum" => "1",
        "date" | "datetime" | "timestamp" => "'0000-00-00'",
        "time" => "'00:00:00'",
        "json" => "'null'",
        _ => return None,
    })
}
