//! What the clauses of an ALTER TABLE make of a definition.
//!
//! As the servers do it: names of what is dropped, changed or renamed mean what was there before, and what is added
//! comes last, in order.

use super::column::Place;
use super::{Column, Definition};
use crate::plan::clause_kind::{Added, constraint};
use crate::plan::clauses::{Alter, Clause, ClauseKind};
use crate::plan::scan::{Scan, list_items, significant_tokens, text_of};
use crate::sql::Ident;
use crate::sql::lexer::{Token, TokenKind};

impl Definition {
    /// The table with the clauses applied; [`Definition::uncertain`] when one of them is not known here.
    pub fn altered(&self, alter: &Alter) -> Definition {
        let mut after = self.clone();
        let mut sources: Vec<Option<Ident>> = self.columns.iter().map(|column| Some(column.name.clone())).collect();
        for clause in &alter.clauses {
            if after.apply(clause, &mut sources).is_none() {
                after.uncertain = true;
            }
        }
        after.forget_dropped(self, &sources);
        after.settle();
        after
    }

    /// `sources` has, for each column, the name it had before the statement.
    fn apply(&mut self, clause: &Clause, sources: &mut Vec<Option<Ident>>) -> Option<()> {
        let tokens = significant_tokens(&clause.text).ok()?;
        let was = |sources: &[Option<Ident>], name: &Ident| {
            sources.iter().position(|source| source.as_ref().is_some_and(|source| source.same_name(name)))
        };
        match &clause.kind {
            ClauseKind::AddColumn { columns, constraints } => {
                for item in added_items(&tokens) {
                    let Some(column) = Column::read(&clause.text, item).filter(|column| columns.contains(&column.name))
                    else {
                        continue;
                    };
                    self.place(column, None, sources);
                }
                for item in added_items(&tokens).into_iter().filter(|_| !constraints.is_empty()) {
                    if let Some(Added::Constraint(constraint)) = constraint(item) {
                        let text = text_of(&clause.text, item)?;
                        self.add_constraint(&constraint, text, item);
                    }
                }
            }
            ClauseKind::DropColumn { column } => {
                let at = was(sources, column)?;
                self.columns.remove(at);
                sources.remove(at);
            }
            ClauseKind::ModifyColumn { column } => {
                let at = was(sources, column)?;
                let definition = definition_behind(&clause.text, &tokens, 1)?;
                self.replace(at, definition, sources);
            }
            ClauseKind::ChangeColumn { from, .. } => {
                let at = was(sources, from)?;
                let definition = definition_behind(&clause.text, &tokens, 2)?;
                self.rename_parts(from, &definition.name);
                self.replace(at, definition, sources);
            }
            ClauseKind::RenameColumn { from, to } => {
                let at = was(sources, from)?;
                self.rename_parts(from, to);
                self.columns[at].name = to.clone();
            }
            ClauseKind::AlterColumn { column } => {
                let at = was(sources, column)?;
                self.columns[at] = with_default(&self.columns[at], &tokens)?;
            }
            ClauseKind::AddConstraint(constraint) => {
                let text = text_of(&clause.text, tokens.get(1..)?)?;
                self.add_constraint(constraint, text, &tokens);
            }
            ClauseKind::DropIndex { name } => self.indexes.retain(|index| !index.name.same_name(name)),
            ClauseKind::DropPrimaryKey => self.indexes.retain(|index| index.name.as_str() != "PRIMARY"),
            ClauseKind::DropForeignKey { name } => {
                self.foreign_keys.retain(|key| !key.name.as_ref().is_some_and(|own| own.same_name(name)));
            }
            ClauseKind::DropCheck { name } => {
                self.checks.retain(|check| !check.name.as_ref().is_some_and(|own| own.same_name(name)));
            }
            ClauseKind::DropConstraint { name } => {
                let named = |own: &Option<Ident>| own.as_ref().is_some_and(|own| own.same_name(name));
                self.checks.retain(|check| !named(&check.name));
                self.foreign_keys.retain(|key| !named(&key.name));
                self.indexes.retain(|index| !index.name.same_name(name));
            }
            ClauseKind::RenameIndex { from, to } => {
                let index = self.indexes.iter_mut().find(|index| index.name.same_name(from))?;
                index.text = renamed_index(&index.text, to)?;
                index.name = to.clone();
            }
            ClauseKind::TableOption { name, value } => {
                self.options.retain(|(own, _)| own != name);
                self.options.push((name.clone(), value.clone()));
            }
            ClauseKind::Algorithm(_)
            | ClauseKind::Lock(_)
            | ClauseKind::AutoIncrement
            | ClauseKind::Force
            | ClauseKind::Validation
            | ClauseKind::RenameTable { .. }
            | ClauseKind::AlterIndex { .. } => {}
            _ => return None,
        }
        Some(())
    }

    fn replace(&mut self, at: usize, column: Column, sources: &mut Vec<Option<Ident>>) {
        if column.place.is_none() {
            self.columns[at] = column;
            return;
        }
        self.columns.remove(at);
        let source = sources.remove(at);
        self.place(column, source, sources);
    }

    fn place(&mut self, column: Column, source: Option<Ident>, sources: &mut Vec<Option<Ident>>) {
        let at = match &column.place {
            None => self.columns.len(),
            Some(Place::First) => 0,
            Some(Place::After(name)) => {
                let before = self.columns.iter().position(|other| other.name.same_name(name));
                before.map_or(self.columns.len(), |before| before + 1)
            }
        };
        self.columns.insert(at, column);
        sources.insert(at, source);
    }

    fn rename_parts(&mut self, from: &Ident, to: &Ident) {
        for index in &mut self.indexes {
            let before = index.parts.clone();
            index.parts.iter_mut().filter(|part| part.column.same_name(from)).for_each(|part| part.column = to.clone());
            if index.parts != before {
                index.text = renamed_columns(&index.text, from, to);
            }
        }
        for key in &mut self.foreign_keys {
            if key.columns.iter().any(|column| column.same_name(from)) {
                key.columns.iter_mut().filter(|column| column.same_name(from)).for_each(|column| *column = to.clone());
                key.text = renamed_columns(&key.text, from, to);
            }
        }
    }

    /// An index loses the columns that are gone, and goes with the last of them.
    fn forget_dropped(&mut self, before: &Definition, sources: &[Option<Ident>]) {
        let kept = |name: &Ident| sources.iter().flatten().any(|source| source.same_name(name));
        let gone: Vec<&Ident> = before.columns.iter().map(|column| &column.name).filter(|name| !kept(name)).collect();
        let is_gone = |name: &Ident| {
            gone.iter().any(|other| other.same_name(name)) && self.columns.iter().all(|c| !c.name.same_name(name))
        };
        let mut indexes = std::mem::take(&mut self.indexes);
        for index in &mut indexes {
            let before = index.parts.len();
            index.parts.retain(|part| !is_gone(&part.column));
            if index.parts.len() < before {
                index.text = without_columns(&index.text, &index.parts);
            }
        }
        indexes.retain(|index| !index.parts.is_empty() || index.has_expression);
        self.indexes = indexes;
    }
}

/// What ADD adds: the items of its list, or the one thing.
fn added_items<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut scan = Scan::new(tokens);
    scan.word("ADD");
    scan.word("COLUMN");
    scan.if_not_exists();
    let whole = scan.tokens;
    match scan.parentheses() {
        Some(inner) => list_items(inner),
        None => vec![whole],
    }
}

/// The definition in MODIFY (`skip` 1) and CHANGE (`skip` 2), behind the verb and its noise.
fn definition_behind(source: &str, tokens: &[Token<'_>], skip: usize) -> Option<Column> {
    let mut scan = Scan::new(tokens.get(1..)?);
    scan.word("COLUMN");
    scan.if_exists();
    if skip == 2 {
        scan.ident()?;
    }
    Column::read(source, scan.tokens)
}

/// A column with ALTER COLUMN … SET DEFAULT or DROP DEFAULT applied; its text says it by adding or leaving out.
fn with_default(column: &Column, tokens: &[Token<'_>]) -> Option<Column> {
    let set = tokens.windows(2).position(|pair| pair[0].is_word("SET") && pair[1].is_word("DEFAULT"));
    let own = significant_tokens(&column.text).ok()?;
    let mut text = column.text.clone();
    if let Some(at) = own.iter().position(|token| token.is_word("DEFAULT")) {
        let start = own[at].start;
        let value = column.default.as_deref().unwrap_or("NULL");
        let end = column.text[start..].find(value).map_or(column.text.len(), |offset| start + offset + value.len());
        text.replace_range(start..end, "");
    }
    let mut text = text.trim().to_owned();
    if let Some(at) = set {
        let value = tokens[at + 2..].iter().map(|token| token.text).collect::<Vec<_>>().join("");
        text = format!("{text} DEFAULT {value}");
    }
    let named = format!("{} {text}", column.name);
    Column::read(&named, &significant_tokens(&named).ok()?)
}

fn renamed_index(text: &str, to: &Ident) -> Option<String> {
    let tokens = significant_tokens(text).ok()?;
    let open = tokens.iter().position(|token| token.kind == TokenKind::LeftParen)?;
    let keyword = ["INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "USING"];
    let name = tokens[..open].iter().find(|token| !keyword.iter().any(|word| token.is_word(word)));
    Some(match name {
        Some(name) => format!("{}{to}{}", &text[..name.start], &text[name.end()..]),
        None => format!("{} {to} {}", text[..tokens[open].start].trim_end(), &text[tokens[open].start..]),
    })
}

/// The text with a column renamed in its first parentheses.
fn renamed_columns(text: &str, from: &Ident, to: &Ident) -> String {
    let Ok(tokens) = significant_tokens(text) else { return text.to_owned() };
    let open = tokens.iter().position(|token| token.kind == TokenKind::LeftParen).unwrap_or(0);
    let inside = Scan::new(&tokens[open..]).parentheses().unwrap_or_default();
    let mut renamed = text.to_owned();
    for item in list_items(inside).into_iter().rev() {
        if let Some(token) = item.first()
            && token.ident().is_some_and(|name| name.same_name(from))
        {
            renamed.replace_range(token.start..token.end(), &to.to_string());
        }
    }
    renamed
}

/// The text with only these parts in its first parentheses.
fn without_columns(text: &str, parts: &[super::IndexPart]) -> String {
    let Ok(tokens) = significant_tokens(text) else { return text.to_owned() };
    let open = tokens.iter().position(|token| token.kind == TokenKind::LeftParen).unwrap_or(0);
    let inside = Scan::new(&tokens[open..]).parentheses().unwrap_or_default();
    let kept = |item: &&[Token<'_>]| {
        let name = item.first().and_then(Token::ident);
        name.is_none_or(|name| parts.iter().any(|part| part.column.same_name(&name)))
    };
    let items: Vec<&str> = list_items(inside).into_iter().filter(kept).filter_map(|item| text_of(text, item)).collect();
    let (Some(first), Some(last)) = (inside.first(), inside.last()) else { return text.to_owned() };
    format!("{}{}{}", &text[..first.start], items.join(", "), &text[last.end()..])
}
