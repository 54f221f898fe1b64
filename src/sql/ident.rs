//! Identifiers and string literals: the only place that quotes.

use std::fmt;

/// An identifier, unquoted as it is stored; `Display` quotes it for SQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ident(String);

impl Ident {
    /// Longest identifier both servers take, in characters.
    pub const MAX_CHARS: usize = 64;

    /// An identifier as the server stores it, without quotes.
    pub fn new(name: impl Into<String>) -> Ident {
        Ident(name.into())
    }

    /// The name without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Column and index names compare without case on both servers.
    pub fn same_name(&self, other: &Ident) -> bool {
        self.0.to_lowercase() == other.0.to_lowercase()
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.replace('`', "``"))
    }
}

/// A table with its schema; `Display` quotes both for SQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    /// The schema (database) it is in.
    pub schema: Ident,
    /// The table's own name.
    pub table: Ident,
}

impl TableName {
    /// Joins schema and table.
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> TableName {
        TableName { schema: Ident::new(schema), table: Ident::new(table) }
    }

    /// `schema.table` without quotes, for people and command lines.
    pub fn plain(&self) -> String {
        format!("{}.{}", self.schema.as_str(), self.table.as_str())
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// A string literal that is safe under every sql_mode: NO_BACKSLASH_ESCAPES changes what a backslash means, so text
/// with one is sent as hexadecimal with its charset.
pub fn string_literal(text: &str) -> String {
    if text.contains(['\\', '\0']) {
        let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        return format!("_utf8mb4 X'{hex}'");
    }
    format!("'{}'", text.replace('\'', "''"))
}
