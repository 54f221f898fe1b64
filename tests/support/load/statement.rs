//! The statements an application sends, as text with `?` and the values for them.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Params};

use super::super::quoted;
use super::shape::{Cell, Column, Row, Shape};

/// How a connection sends its statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Prepared,
    Text,
}

#[derive(Debug, Clone)]
pub struct Statement {
    sql: String,
    values: Vec<Cell>,
    /// How many rows it must find, where that is certain.
    pub finds: Option<u64>,
}

impl Statement {
    fn new(sql: String, values: Vec<Cell>) -> Statement {
        Statement { sql, values, finds: None }
    }

    fn finding(self, rows: u64) -> Statement {
        Statement { finds: Some(rows), ..self }
    }

    pub async fn send(&self, conn: &mut Conn, protocol: Protocol) -> Result<(), Error> {
        match protocol {
            Protocol::Prepared => conn.exec_drop(&self.sql, self.params()).await,
            Protocol::Text => conn.query_drop(self.literal()).await,
        }
    }

    pub async fn rows(&self, conn: &mut Conn, protocol: Protocol) -> Result<Vec<mysql_async::Row>, Error> {
        match protocol {
            Protocol::Prepared => conn.exec(&self.sql, self.params()).await,
            Protocol::Text => conn.query(self.literal()).await,
        }
    }

    fn params(&self) -> Params {
        if self.values.is_empty() {
            return Params::Empty;
        }
        Params::Positional(self.values.iter().map(Cell::param).collect())
    }

    fn literal(&self) -> String {
        // No statement here has a question mark besides its placeholders.
        let mut parts = self.sql.split('?');
        let mut sql = parts.next().unwrap_or_default().to_owned();
        for (part, value) in parts.zip(&self.values) {
            sql.push_str(&value.literal());
            sql.push_str(part);
        }
        sql
    }
}

impl Shape {
    fn written(&self) -> Vec<(usize, String)> {
        let written = self.columns.iter().enumerate().filter(|(_, column)| column.fill.is_written());
        written.map(|(index, column)| (index, quoted(column.name))).collect()
    }

    fn is_key(&self) -> String {
        let parts: Vec<String> = self.key.columns().iter().map(|column| format!("{} = ?", quoted(column))).collect();
        format!("({})", parts.join(" AND "))
    }

    fn any_key(&self, keys: &[&[Cell]]) -> (String, Vec<Cell>) {
        (vec![self.is_key(); keys.len()].join(" OR "), keys.iter().flat_map(|key| key.iter().cloned()).collect())
    }

    fn insert_rows(&self, verb: &str, rows: &[Row], with_key: bool) -> Statement {
        let written = self.written();
        let mut columns: Vec<String> = Vec::new();
        if with_key {
            columns.extend(self.key.columns().into_iter().map(quoted));
        }
        columns.extend(written.iter().map(|(_, name)| name.clone()));
        let group = format!("({})", vec!["?"; columns.len()].join(", "));
        let mut values = Vec::new();
        for row in rows {
            if with_key {
                values.extend(row.key.iter().cloned());
            }
            values.extend(written.iter().map(|(index, _)| row.payload[*index].clone()));
        }
        let groups = vec![group; rows.len()].join(", ");
        Statement::new(format!("{verb} INTO {} ({}) VALUES {groups}", quoted(self.table), columns.join(", ")), values)
    }

    pub fn insert(&self, rows: &[Row]) -> Statement {
        self.insert_rows("INSERT", rows, true).finding(rows.len() as u64)
    }

    /// An insert that leaves the key to the server.
    pub fn insert_numbered(&self, row: &Row) -> Statement {
        self.insert_rows("INSERT", std::slice::from_ref(row), false).finding(1)
    }

    pub fn replace(&self, row: &Row) -> Statement {
        self.insert_rows("REPLACE", std::slice::from_ref(row), true)
    }

    /// Inserts the row, or gives the row of that key its payload.
    pub fn upsert(&self, row: &Row) -> Statement {
        if self.written().is_empty() {
            return self.insert_rows("INSERT IGNORE", std::slice::from_ref(row), true);
        }
        let mut statement = self.insert_rows("INSERT", std::slice::from_ref(row), true);
        let (sets, values) = self.sets(row);
        statement.sql.push_str(&format!(" ON DUPLICATE KEY UPDATE {sets}"));
        statement.values.extend(values);
        statement
    }

    fn sets(&self, row: &Row) -> (String, Vec<Cell>) {
        let written = self.written();
        let sets: Vec<String> = written.iter().map(|(_, name)| format!("{name} = ?")).collect();
        (sets.join(", "), written.iter().map(|(index, _)| row.payload[*index].clone()).collect())
    }

    /// Gives a row its payload, all written columns of it.
    pub fn update(&self, row: &Row) -> Statement {
        let (sets, mut values) = self.sets(row);
        values.extend(row.key.iter().cloned());
        Statement::new(format!("UPDATE {} SET {sets} WHERE {}", quoted(self.table), self.is_key()), values).finding(1)
    }

    /// Gives several rows the same value in one column.
    pub fn update_column(&self, keys: &[&[Cell]], column: usize, value: &Cell) -> Statement {
        let (condition, key_values) = self.any_key(keys);
        let name = quoted(self.columns[column].name);
        let mut values = vec![value.clone()];
        values.extend(key_values);
        Statement::new(format!("UPDATE {} SET {name} = ? WHERE {condition}", quoted(self.table)), values)
            .finding(keys.len() as u64)
    }

    /// Moves a row to another key.
    pub fn move_key(&self, from: &[Cell], to: &[Cell]) -> Statement {
        let sets: Vec<String> = self.key.columns().iter().map(|column| format!("{} = ?", quoted(column))).collect();
        let sql = format!("UPDATE {} SET {} WHERE {}", quoted(self.table), sets.join(", "), self.is_key());
        Statement::new(sql, to.iter().chain(from).cloned().collect()).finding(1)
    }

    pub fn delete(&self, keys: &[&[Cell]]) -> Statement {
        let (condition, values) = self.any_key(keys);
        Statement::new(format!("DELETE FROM {} WHERE {condition}", quoted(self.table)), values)
            .finding(keys.len() as u64)
    }

    /// Reads the row of a key, key columns first, locked when asked for.
    pub fn select(&self, key: &[Cell], locked: bool) -> Statement {
        let payload = self.columns.iter().map(Column::read);
        let columns: Vec<String> = self.key.columns().into_iter().map(quoted).chain(payload).collect();
        let lock = if locked { " FOR UPDATE" } else { "" };
        let sql = format!("SELECT {} FROM {} WHERE {}{lock}", columns.join(", "), quoted(self.table), self.is_key());
        Statement::new(sql, key.to_vec())
    }

    /// Reads a range of rows, other connections' among them, as a page of a list does.
    pub fn select_page(&self, from: &Cell) -> Statement {
        let first = quoted(self.key.columns()[0]);
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT {first} FROM {} WHERE {first} >= ? ORDER BY {first} LIMIT 20) page",
            quoted(self.table)
        );
        Statement::new(sql, vec![from.clone()])
    }
}
