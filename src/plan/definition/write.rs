//! Statements that make what a definition says.

use super::{Column, Definition};
use crate::plan::clauses::TableRef;
use crate::plan::scan::significant_tokens;
use crate::sql::lexer::TokenKind;

impl Definition {
    /// CREATE TABLE, where the whole of it is known.
    pub fn create_sql(&self, table: &TableRef) -> Option<String> {
        if self.uncertain || self.partitioned {
            return None;
        }
        let columns = self.columns.iter().map(|column| format!("{} {}", column.name, self.inheriting(column)));
        let indexes = self.indexes.iter().map(|index| index.text.clone());
        let foreign_keys = self.foreign_keys.iter().map(|key| key.text.clone());
        let checks = self.checks.iter().map(|check| check.text.clone());
        let items: Vec<String> = columns.chain(indexes).chain(foreign_keys).chain(checks).collect();
        let options: String = self.options.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        Some(format!("CREATE TABLE {table} (\n    {}\n){options}", items.join(",\n    ")))
    }

    /// The definition of a column without the collation that it has from its table.
    ///
    /// MySQL's SHOW CREATE TABLE prints that collation, and remembers as the column's own what is given back to it.
    pub fn inheriting(&self, column: &Column) -> String {
        let inherited = self.option("COLLATE").map(str::to_ascii_lowercase);
        let text = &column.text;
        let Ok(tokens) = significant_tokens(text) else { return text.clone() };
        let Some(at) = tokens.iter().position(|token| token.is_word("COLLATE")) else { return text.clone() };
        let value = tokens[at + 1..].iter().find(|token| token.kind != TokenKind::Equals);
        match value {
            Some(value) if column.charset.is_none() && column.collation == inherited => {
                format!("{}{}", text[..tokens[at].start].trim_end(), &text[value.end()..])
            }
            _ => text.clone(),
        }
    }
}
