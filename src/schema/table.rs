//! A table as information_schema describes it. Plain data.

use crate::sql::{Ident, TableName};

/// A base table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Where it is.
    pub name: TableName,
    /// Columns in order, generated and invisible ones included.
    pub columns: Vec<Column>,
    /// Indexes in the order of SHOW CREATE TABLE: the primary key, then as the server asks them; FULLTEXT and SPATIAL last.
    pub indexes: Vec<Index>,
    /// Storage engine as the server spells it, `InnoDB`.
    pub engine: String,
    /// The server's estimate, which can be off by half.
    pub rows_estimate: u64,
    /// Bytes of the clustered index.
    pub data_bytes: u64,
    /// Bytes of the secondary indexes.
    pub index_bytes: u64,
    /// The text of SHOW CREATE TABLE.
    pub create_sql: String,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Type without attributes, lower case: `varchar`, `bigint`.
    pub data_type: String,
    /// The whole type: `bigint(20) unsigned`, `enum('a','b')`.
    pub column_type: String,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// Whether the server has a default for it (a default of NULL counts for a nullable column).
    pub has_default: bool,
    /// Whether its default is CURRENT_TIMESTAMP.
    pub defaults_to_now: bool,
    /// `auto_increment`, `on update current_timestamp()`, ...; lower case.
    pub extra: String,
    /// Character set of a text column.
    pub charset: Option<String>,
    /// Collation of a text column.
    pub collation: Option<String>,
    /// Whether it is computed from other columns.
    pub generated: bool,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// `PRIMARY` for the primary key.
    pub name: Ident,
    /// Whether it is unique.
    pub unique: bool,
    /// `BTREE`, `FULLTEXT`, `SPATIAL`, `HASH`.
    pub kind: String,
    /// Whether the optimizer may use it, also when it is told to: not when it is INVISIBLE or IGNORED.
    pub usable: bool,
    /// Its parts in order.
    pub parts: Vec<IndexPart>,
}

/// A part of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPart {
    /// The column, `None` for an expression.
    pub column: Option<Ident>,
    /// Length of the prefix in characters, `None` for the whole column.
    pub prefix: Option<u32>,
}

impl Table {
    /// The column of that name, compared as the server does.
    pub fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.same_name(name))
    }

    /// The primary key, if any.
    pub fn primary_key(&self) -> Option<&Index> {
        self.indexes.iter().find(|index| index.is_primary())
    }
}

impl Index {
    /// Whether it is the primary key.
    pub fn is_primary(&self) -> bool {
        self.name.as_str() == "PRIMARY"
    }

    /// Its columns when it covers whole columns only.
    pub fn whole_columns(&self) -> Option<Vec<&Ident>> {
        self.parts.iter().map(|part| if part.prefix.is_none() { part.column.as_ref() } else { None }).collect()
    }
}

impl Column {
    /// Whether it counts up by itself.
    pub fn is_auto_increment(&self) -> bool {
        self.extra.contains("auto_increment")
    }
}
