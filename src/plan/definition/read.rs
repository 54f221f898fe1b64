//! Reads CREATE TABLE.

use super::{Check, Column, Definition, ForeignKey, Index, IndexPart};
use crate::plan::clause_kind::{Added, constraint};
use crate::plan::clauses::{ClauseKind, Constraint, ConstraintKind, TableRef};
use crate::plan::scan::{Scan, list_items, text_of};
use crate::plan::table_options::table_options;
use crate::sql::Ident;
use crate::sql::executed::executed_tokens;
use crate::sql::lexer::{Token, TokenKind, leading_tokens};

/// A table as a statement makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTable {
    /// Its name as the statement has it.
    pub table: TableRef,
    /// `None` for LIKE, AS SELECT, and what is not understood.
    pub definition: Option<Definition>,
}

/// Reads CREATE TABLE, of a migration or of the server; `None` for any other statement.
pub fn read_create_table(source: &str) -> Option<CreatedTable> {
    let (all, error) = leading_tokens(source);
    let tokens = executed_tokens(&all);
    let mut scan = Scan::new(&tokens);
    scan.word("CREATE").then_some(())?;
    scan.words(&["OR", "REPLACE"]);
    scan.word("TABLE").then_some(())?;
    scan.if_not_exists();
    let table = scan.table_name()?;
    let definition = if error.is_none() { body(source, scan) } else { None };
    Some(CreatedTable { table, definition })
}

fn body(source: &str, mut scan: Scan<'_, '_>) -> Option<Definition> {
    let items = scan.parentheses()?;
    let mut definition = Definition::default();
    for item in list_items(items) {
        definition.add_item(source, item)?;
    }
    let options = scan.tokens;
    let is_partitioning = |pair: &[Token<'_>]| pair[0].is_word("PARTITION") && pair[1].is_word("BY");
    let end = options.windows(2).position(is_partitioning);
    definition.partitioned = end.is_some();
    let options: Vec<Token<'_>> = options[..end.unwrap_or(options.len())]
        .iter()
        .filter(|token| token.kind != TokenKind::Comma)
        .copied()
        .collect();
    for (kind, tokens) in table_options(&options)? {
        if let ClauseKind::TableOption { name, value } = kind {
            definition.options.push((name, value));
        }
        // The collation is part of the character set's option.
        if let Some(at) = tokens.iter().skip(1).position(|token| token.is_word("COLLATE")) {
            let value = tokens[at + 2..].iter().find(|token| token.kind != TokenKind::Equals);
            definition.options.extend(value.map(|value| ("COLLATE".to_owned(), value.text.to_owned())));
        }
    }
    definition.settle();
    Some(definition)
}

impl Definition {
    /// Adds what stands between two commas.
    fn add_item(&mut self, source: &str, item: &[Token<'_>]) -> Option<()> {
        match constraint(item)? {
            Added::Column(_) => self.columns.push(Column::read(source, item)?),
            Added::Constraint(constraint) => self.add_constraint(&constraint, text_of(source, item)?, item),
        }
        Some(())
    }

    /// Adds a constraint; `text` is as it follows ADD, and `tokens` are its own.
    pub(super) fn add_constraint(&mut self, constraint: &Constraint, text: &str, tokens: &[Token<'_>]) {
        let text = text.to_owned();
        match &constraint.kind {
            ConstraintKind::ForeignKey { references } => self.foreign_keys.push(ForeignKey {
                name: constraint.name.clone(),
                columns: constraint.columns.clone(),
                references: references.clone(),
                text,
            }),
            ConstraintKind::Check => self.checks.push(Check { name: constraint.name.clone(), text }),
            kind => {
                let (parts, has_expression) = index_parts(tokens);
                let name = constraint.name.clone().unwrap_or_else(|| self.index_name(&parts));
                let index = Index { name, kind: kind.clone(), parts, has_expression, text };
                match kind {
                    ConstraintKind::Primary => self.indexes.insert(0, index),
                    _ => self.indexes.push(index),
                }
            }
        }
    }

    /// The name that the servers give an index without one: its first column, counted up.
    fn index_name(&self, parts: &[IndexPart]) -> Ident {
        let base = parts.first().map_or("functional_index", |part| part.column.as_str());
        let names = (1..).map(|n| if n == 1 { base.to_owned() } else { format!("{base}_{n}") }).map(Ident::new);
        let mut free = names.filter(|name| self.index(name).is_none());
        free.next().unwrap_or_else(|| Ident::new(base))
    }

    /// What follows from other parts: columns of the primary key are NOT NULL.
    pub(super) fn settle(&mut self) {
        let key: Vec<Ident> = self.primary_key().into_iter().flat_map(|key| key.columns().cloned()).collect();
        for column in &mut self.columns {
            if key.iter().any(|name| name.same_name(&column.name)) {
                column.nullable = false;
            }
        }
    }
}

/// The parts in the first parentheses.
fn index_parts(tokens: &[Token<'_>]) -> (Vec<IndexPart>, bool) {
    let open = tokens.iter().position(|token| token.kind == TokenKind::LeftParen).unwrap_or(tokens.len());
    let items = Scan::new(&tokens[open..]).parentheses().map(list_items).unwrap_or_default();
    let part = |item: &&[Token<'_>]| {
        let column = item.first()?.ident()?;
        let prefix = match item {
            [_, open, length, ..] if open.kind == TokenKind::LeftParen => Some(length.text.to_owned()),
            _ => None,
        };
        let descending = item.last().is_some_and(|token| token.is_word("DESC"));
        Some(IndexPart { column, prefix, descending })
    };
    let parts: Vec<IndexPart> = items.iter().filter_map(part).collect();
    let has_expression = parts.len() < items.len();
    (parts, has_expression)
}
