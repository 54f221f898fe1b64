//! A random change: a table, its rows, the clauses, and what is written meanwhile. Pure data, and its SQL.
//!
//! What depends on a column says so, so that a column can be taken out with all that needs it (`shrink.rs`).

use super::types::{Key, Type};
use crate::support::Kind;

/// Everything that a run needs besides a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub seed: u64,
    pub kind: Kind,
    pub key: &'static Key,
    pub columns: Vec<Column>,
    pub indexes: Vec<Index>,
    /// What goes behind the parenthesis of CREATE TABLE.
    pub options: Vec<String>,
    /// Rows the table has at first.
    pub rows: u32,
    pub clauses: Vec<Clause>,
    pub writes: Vec<Write>,
    pub force_copy: bool,
    pub drop_old: bool,
    /// Rows a second the copy may take, which is also the largest chunk.
    pub pace: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub of: &'static Type,
    /// What follows the type.
    pub attributes: String,
    pub generated: Option<Generated>,
    /// What the seed writes into it, for each row the next.
    pub values: Vec<&'static str>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// From the type to the end: `BIGINT AS (…) STORED`.
    pub sql: String,
    pub uses: String,
}

/// An index, or a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    pub sql: String,
    pub uses: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    pub sql: String,
    /// Columns of the table that it names; indexes count as the columns they are over.
    pub uses: Vec<String>,
}

/// What one session does at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    pub statements: Vec<Statement>,
    pub end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Autocommit, for a single statement; COMMIT for several.
    Commit,
    Rollback,
    /// The last statement is taken back, the others are committed.
    BackToSavepoint,
    /// It stays open while other sessions write.
    CommitLater,
}

/// Column and expression.
pub type Assigned = Vec<(String, String)>;

#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    Insert {
        /// `INSERT INTO`, `INSERT IGNORE INTO` or `REPLACE INTO`.
        verb: &'static str,
        /// Each with the same columns.
        rows: Vec<Assigned>,
        on_duplicate: Assigned,
    },
    /// Rows again under other keys.
    InsertSelect {
        verb: &'static str,
        /// What is not the same as in the row it comes from.
        columns: Assigned,
        copied: Vec<String>,
        filter: String,
    },
    Update {
        set: Assigned,
        filter: String,
        /// `ORDER BY … LIMIT …`.
        tail: String,
    },
    /// Through a join with a derived table of keys.
    UpdateJoin {
        set: Assigned,
        keys: String,
        on: String,
    },
    Delete {
        filter: String,
        tail: String,
    },
}

/// A name as it goes into SQL.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The table's name, with letters that an application of Prisma's has.
pub const TABLE: &str = "Thing";

impl Plan {
    /// The table without its rows.
    pub fn create_sql(&self) -> String {
        let mut lines: Vec<String> =
            self.key.columns.iter().map(|column| format!("`{}` {}", column.name, column.sql)).collect();
        lines.extend(self.columns.iter().map(Column::definition));
        lines.push(self.key.sql.to_owned());
        lines.extend(self.indexes.iter().map(|index| index.sql.clone()));
        format!("CREATE TABLE `{TABLE}` (\n  {}\n) {}", lines.join(",\n  "), self.options.join(" "))
    }

    /// The rows, in as many statements as are of a moderate length. Rows that clash in a unique index are left out.
    pub fn seed_sql(&self) -> Vec<String> {
        let written: Vec<&Column> = self.columns.iter().filter(|column| column.generated.is_none()).collect();
        let names: Vec<String> = self
            .key
            .columns
            .iter()
            .map(|column| column.name)
            .chain(written.iter().map(|column| column.name.as_str()))
            .map(quoted)
            .collect();
        let row = |number: u32| {
            let mut values: Vec<String> =
                self.key.values(&number.to_string()).into_iter().map(|(_, value)| value).collect();
            for (place, column) in written.iter().enumerate() {
                let value = column.values[(number as usize + place) % column.values.len()];
                values.push(value.replace("@n", &number.to_string()));
            }
            format!("({})", values.join(", "))
        };
        let numbers: Vec<u32> = (0..self.rows).collect();
        numbers
            .chunks(200)
            .map(|numbers| {
                let rows: Vec<String> = numbers.iter().map(|&number| row(number)).collect();
                format!("INSERT IGNORE INTO `{TABLE}` ({}) VALUES {}", names.join(", "), rows.join(",\n  "))
            })
            .collect()
    }

    pub fn alter_sql(&self) -> String {
        let mut sql = String::new();
        for clause in &self.clauses {
            let partitioning = ["PARTITION BY", "REMOVE PARTITIONING"].iter().any(|word| clause.sql.starts_with(word));
            if !sql.is_empty() {
                sql.push_str(if partitioning { " " } else { ", " });
            }
            sql.push_str(&clause.sql);
        }
        sql
    }
}

impl Column {
    pub fn definition(&self) -> String {
        match &self.generated {
            Some(generated) => format!("{} {}", quoted(&self.name), generated.sql),
            None => format!("{} {} {}", quoted(&self.name), self.of.sql, self.attributes),
        }
    }
}

impl Statement {
    pub fn sql(&self) -> String {
        match self {
            Statement::Insert { verb, rows, on_duplicate } => {
                let names: Vec<String> = rows[0].iter().map(|(name, _)| quoted(name)).collect();
                let rows: Vec<String> = rows
                    .iter()
                    .map(|row| row.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", "))
                    .map(|values| format!("({values})"))
                    .collect();
                let mut sql = format!("{verb} `{TABLE}` ({}) VALUES {}", names.join(", "), rows.join(", "));
                if !on_duplicate.is_empty() {
                    sql.push_str(&format!(" ON DUPLICATE KEY UPDATE {}", assignments(on_duplicate, "")));
                }
                sql
            }
            Statement::InsertSelect { verb, columns, copied, filter } => {
                let names = columns.iter().map(|(name, _)| name).chain(copied);
                let names: Vec<String> = names.map(|name| quoted(name)).collect();
                let values = columns.iter().map(|(_, value)| value.clone());
                let values: Vec<String> = values.chain(copied.iter().map(|name| quoted(name))).collect();
                format!(
                    "{verb} `{TABLE}` ({}) SELECT {} FROM `{TABLE}` WHERE {filter}",
                    names.join(", "),
                    values.join(", ")
                )
            }
            Statement::Update { set, filter, tail } => {
                format!("UPDATE `{TABLE}` SET {} WHERE {filter}{tail}", assignments(set, ""))
            }
            Statement::UpdateJoin { set, keys, on } => {
                format!("UPDATE `{TABLE}` AS t JOIN ({keys}) AS wanted ON {on} SET {}", assignments(set, "t."))
            }
            Statement::Delete { filter, tail } => format!("DELETE FROM `{TABLE}` WHERE {filter}{tail}"),
        }
    }

    /// Whether the server chooses keys by its counter.
    pub fn counts(&self, key: &Key) -> bool {
        match self {
            Statement::Insert { rows, .. } => {
                key.counts() && rows[0].iter().all(|(name, _)| name != key.columns[0].name)
            }
            _ => false,
        }
    }

    /// Whether each of its rows is a new one, or the statement fails.
    pub fn is_plain_insert(&self) -> bool {
        matches!(self, Statement::Insert { verb: "INSERT INTO", on_duplicate, .. } if on_duplicate.is_empty())
    }
}

impl Write {
    /// The statements of its script, `None` for what marks and restores a savepoint.
    pub fn in_script(&self) -> Vec<Option<&Statement>> {
        let mut statements = self.statements.iter();
        let is_mark = |sql: &String| sql.starts_with("SAVEPOINT") || sql.starts_with("ROLLBACK");
        self.script().iter().map(|sql| if is_mark(sql) { None } else { statements.next() }).collect()
    }

    /// Whether it needs no transaction around it.
    pub fn is_alone(&self) -> bool {
        self.statements.len() == 1 && self.end == End::Commit
    }

    /// The statements that a session sends for it, in order, up to its end.
    pub fn script(&self) -> Vec<String> {
        let last = self.statements.len() - 1;
        let mut script = Vec::new();
        for (at, statement) in self.statements.iter().enumerate() {
            if self.end == End::BackToSavepoint && at == last {
                script.push("SAVEPOINT before".to_owned());
            }
            script.push(statement.sql());
        }
        if self.end == End::BackToSavepoint {
            script.push("ROLLBACK TO SAVEPOINT before".to_owned());
        }
        script
    }
}

fn assignments(set: &Assigned, qualifier: &str) -> String {
    let all: Vec<String> = set.iter().map(|(name, value)| format!("{qualifier}{} = {value}", quoted(name))).collect();
    all.join(", ")
}
