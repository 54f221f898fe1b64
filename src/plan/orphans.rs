//! Rows that reference nothing: queries for what a new foreign key does not allow.
//!
//! As the servers have it (MATCH SIMPLE, whatever is typed), a row with a NULL among the columns references nothing and
//! is none of them. Both sides have the same collation, which the server sees to, so `=` compares as the engine does.

use super::ChunkKey;
use super::KeyValue;
use crate::sql::{Ident, TableName};

/// A foreign key, as far as rows are concerned.
#[derive(Debug, Clone)]
pub struct Orphans<'a> {
    /// The table that references.
    pub child: &'a TableName,
    /// Its columns.
    pub columns: &'a [Ident],
    /// The table that is referenced.
    pub parent: &'a TableName,
    /// The columns there.
    pub referenced: &'a [Ident],
    /// The index of the parent that begins with them, where it is known.
    pub index: Option<&'a Ident>,
}

impl Orphans<'_> {
    /// `FROM … WHERE …`, the child as `c`. `range` bounds the rows of the child, which `walked` reads.
    fn rows(&self, walked: Option<&Ident>, range: Option<&str>) -> String {
        let force = |index: Option<&Ident>| index.map(|index| format!(" FORCE INDEX ({index})")).unwrap_or_default();
        let pairs = self.columns.iter().zip(self.referenced);
        let on: Vec<String> = pairs.map(|(column, referenced)| format!("p.{referenced} = c.{column}")).collect();
        let conditions = range.map(|range| format!("({range})")).into_iter();
        let conditions = conditions.chain(self.columns.iter().map(|column| format!("c.{column} IS NOT NULL")));
        let unmatched = self.referenced.first().map(|first| format!("p.{first} IS NULL"));
        let conditions: Vec<String> = conditions.chain(unmatched).collect();
        format!(
            "FROM {} AS c{} LEFT JOIN {} AS p{} ON {} WHERE {}",
            self.child,
            force(walked),
            self.parent,
            force(self.index),
            on.join(" AND "),
            conditions.join(" AND ")
        )
    }

    /// The query that lists all of them.
    pub fn list(&self) -> String {
        format!("SELECT c.* {}", self.rows(None, None))
    }

    /// The query for their number and, behind it, the first keys of some; `key` are the columns of the child's key.
    pub fn count(&self, key: &[Ident], examples: usize) -> String {
        let examples = match key {
            [] => String::new(),
            key => {
                let values: Vec<String> = key.iter().map(|column| format!("c.{column}")).collect();
                let order = values.join(", ");
                let value = match values.as_slice() {
                    [only] => only.clone(),
                    all => format!("CONCAT('(', CONCAT_WS(', ', {}), ')')", all.join(", ")),
                };
                format!(", SUBSTRING_INDEX(GROUP_CONCAT({value} ORDER BY {order} SEPARATOR '; '), '; ', {examples})")
            }
        };
        format!("SELECT COUNT(*){examples} {}", self.rows(None, None))
    }

    /// The query for the keys of some of them in a range of the child's key.
    pub fn within(&self, key: &ChunkKey, after: Option<&KeyValue>, up_to: &KeyValue, most: usize) -> String {
        let columns: Vec<String> = key.source_columns().iter().map(|column| format!("c.{column}")).collect();
        let range = key.within(&columns, after, up_to);
        let (select, rows) = (key.select_list(&columns), self.rows(Some(&key.index), Some(&range)));
        format!("SELECT {select} {rows} ORDER BY {} LIMIT {most}", columns.join(", "))
    }

    /// Whether there is any at all, for a table whose key cannot be walked.
    pub fn any(&self) -> String {
        format!("SELECT 1 {} LIMIT 1", self.rows(None, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_pass_over_rows_with_a_null() {
        let names = |names: &[&str]| names.iter().copied().map(Ident::new).collect::<Vec<_>>();
        let (columns, referenced) = (names(&["a", "b"]), names(&["x", "y"]));
        let (child, parent, index) = (TableName::new("s", "c"), TableName::new("t", "p"), Ident::new("u"));
        let orphans =
            Orphans { child: &child, columns: &columns, parent: &parent, referenced: &referenced, index: Some(&index) };
        insta::assert_snapshot!(orphans.count(&names(&["id"]), 10), @"SELECT COUNT(*), SUBSTRING_INDEX(GROUP_CONCAT(c.`id` ORDER BY c.`id` SEPARATOR '; '), '; ', 10) FROM `s`.`c` AS c LEFT JOIN `t`.`p` AS p FORCE INDEX (`u`) ON p.`x` = c.`a` AND p.`y` = c.`b` WHERE c.`a` IS NOT NULL AND c.`b` IS NOT NULL AND p.`x` IS NULL");
    }
}
