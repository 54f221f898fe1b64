//! Values that only the shadow has, and how they outlive its rows' replacement.
//!
//! On the way back, the shadow is the kept old table, which may have columns that the new table lacks. The applier
//! deletes and inserts rows, so it puts those values aside first and puts them back with the row. A row whose values
//! were put aside is not in the shadow, and a row of the shadow has none aside: both change in one transaction.

use crate::sql::{Ident, TableName};

/// Where such values wait, and what rows get that have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Its table: the shadow's key and these columns.
    pub table: TableName,
    /// The columns.
    pub columns: Vec<Ident>,
    /// For those of them that a new row must give a value: column and literal.
    pub fillers: Vec<(Ident, String)>,
}

impl Aside {
    /// CREATE TABLE, with the types that the shadow has.
    pub fn create_sql(&self, shadow: &TableName, key: &[Ident]) -> String {
        let key_list = list(key);
        format!(
            "CREATE TABLE IF NOT EXISTS {} (PRIMARY KEY ({key_list})) ENGINE=InnoDB SELECT {key_list}, {} FROM {shadow} \
             LIMIT 0",
            self.table,
            list(&self.columns),
        )
    }

    /// Puts aside the values of rows that are about to be deleted. `on_shadow` joins the shadow with `batch`.
    pub(super) fn put_sql(&self, batch: &str, shadow: &TableName, key: &[Ident], on_shadow: &str) -> String {
        let all: Vec<Ident> = key.iter().chain(&self.columns).cloned().collect();
        let values: Vec<String> = all.iter().map(|column| format!("{shadow}.{column}")).collect();
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM {batch} AS batch STRAIGHT_JOIN {shadow} ON {on_shadow}",
            self.table,
            list(&all),
            values.join(", "),
        )
    }

    /// The columns with their table, for a SELECT list.
    pub(super) fn values(&self) -> String {
        let values: Vec<String> = self.columns.iter().map(|column| format!("{}.{column}", self.table)).collect();
        values.join(", ")
    }

    /// The names of the columns, for the list of an INSERT.
    pub(super) fn names(&self) -> String {
        list(&self.columns)
    }
}

fn list(columns: &[Ident]) -> String {
    columns.iter().map(Ident::to_string).collect::<Vec<_>>().join(", ")
}
