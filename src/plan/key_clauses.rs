//! The clauses of a change with those about foreign keys set apart: those are metadata, made in a lock window of their
//! own, and the rest is made of the table.
//!
//! Invariant: each part is made of slices of what was typed.

use super::clause_kind::{Added, constraint};
use super::clauses::{Alter, Clause, ClauseKind, Constraint, ConstraintKind, TableRef};
use super::scan::{Scan, list_items, significant_tokens, text_of};
use crate::sql::Ident;
use crate::sql::lexer::{Token, TokenKind};

/// The clauses of a change, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyClauses {
    /// What is left without foreign keys; may be without any clause.
    pub rest: Alter,
    /// `ADD … FOREIGN KEY …`, each by itself.
    pub adds: Vec<String>,
    /// The foreign keys that are dropped, by the names they have.
    pub drops: Vec<Ident>,
}

impl KeyClauses {
    /// Sorts them; `own` are the names of the foreign keys that the table has. To drop one that is not there stays in
    /// the rest, so that the server says so.
    pub fn of(alter: &Alter, own: &[Ident]) -> KeyClauses {
        let mut sorted = KeyClauses { rest: Alter { clauses: Vec::new() }, adds: Vec::new(), drops: Vec::new() };
        for clause in &alter.clauses {
            match &clause.kind {
                ClauseKind::AddConstraint(added) if is_foreign(added) => {
                    let is_there = added.name.as_ref().is_some_and(|name| own.iter().any(|own| own.same_name(name)));
                    if !(is_there && unless_exists(&clause.text)) {
                        sorted.adds.push(clause.text.clone());
                    }
                }
                ClauseKind::DropForeignKey { name } | ClauseKind::DropConstraint { name } => {
                    match own.iter().find(|own| own.same_name(name)) {
                        Some(own) => sorted.drops.push(own.clone()),
                        None => sorted.rest.clauses.push(clause.clone()),
                    }
                }
                ClauseKind::AddColumn { .. } | ClauseKind::ModifyColumn { .. } | ClauseKind::ChangeColumn { .. } => {
                    sorted.take_columns(clause);
                }
                _ => sorted.rest.clauses.push(clause.clone()),
            }
        }
        sorted
    }

    /// A clause that defines columns, whose text may have foreign keys in it.
    fn take_columns(&mut self, clause: &Clause) {
        let Ok(tokens) = significant_tokens(&clause.text) else { return self.rest.clauses.push(clause.clone()) };
        if !tokens.iter().any(is_references) {
            return self.rest.clauses.push(clause.clone());
        }
        let list = tokens.iter().take(3).position(|token| token.kind == TokenKind::LeftParen);
        let ClauseKind::AddColumn { .. } = &clause.kind else { return self.take_column(clause, &tokens) };
        let Some(inner) = list.and_then(|at| Scan::new(&tokens[at..]).parentheses()) else {
            return self.take_column(clause, &tokens);
        };
        for item in list_items(inner) {
            let Some(text) = text_of(&clause.text, item) else { continue };
            match constraint(item) {
                Some(Added::Constraint(added)) if is_foreign(&added) => self.adds.push(format!("ADD {text}")),
                Some(Added::Constraint(added)) => {
                    let kind = ClauseKind::AddConstraint(added);
                    self.rest.clauses.push(Clause { kind, text: format!("ADD {text}") });
                }
                Some(Added::Column(column)) => {
                    let kind = ClauseKind::AddColumn { columns: vec![column], constraints: Vec::new() };
                    let clause = Clause { kind, text: format!("ADD COLUMN {text}") };
                    match significant_tokens(&clause.text) {
                        Ok(tokens) => self.take_column(&clause, &tokens),
                        Err(_) => self.rest.clauses.push(clause),
                    }
                }
                None => {}
            }
        }
    }

    /// One column, with `REFERENCES …` among its attributes.
    fn take_column(&mut self, clause: &Clause, tokens: &[Token<'_>]) {
        let column = match &clause.kind {
            ClauseKind::AddColumn { columns, .. } => columns.first(),
            ClauseKind::ModifyColumn { column } => Some(column),
            ClauseKind::ChangeColumn { to, .. } => Some(to),
            _ => None,
        };
        let cut = || {
            let from = tokens.iter().position(is_references)?;
            let to = tokens.len() - behind_reference(&tokens[from..])?.len();
            let (before, behind) = (text_of(&clause.text, &tokens[..from])?, text_of(&clause.text, &tokens[to..]));
            let text = behind.map_or_else(|| before.to_owned(), |behind| format!("{before} {behind}"));
            Some((text, text_of(&clause.text, &tokens[from..to])?))
        };
        let Some((column, (text, reference))) = column.zip(cut()) else {
            return self.rest.clauses.push(clause.clone());
        };
        self.adds.push(format!("ADD FOREIGN KEY ({column}) {reference}"));
        self.rest.clauses.push(Clause { kind: clause.kind.clone(), text });
    }

    /// Whether there is nothing about foreign keys.
    pub fn is_empty(&self) -> bool {
        self.adds.is_empty() && self.drops.is_empty()
    }
}

/// Whether clauses add or drop nothing but foreign keys.
pub fn only_foreign_keys(alter: &Alter) -> bool {
    alter.changes().all(|clause| match &clause.kind {
        ClauseKind::AddConstraint(added) => is_foreign(added),
        ClauseKind::DropForeignKey { .. } => true,
        _ => false,
    })
}

/// `ADD … FOREIGN KEY …` with another parent, which `other` gives for the one that was typed.
pub fn with_parent(text: &str, other: impl FnOnce(&TableRef) -> Option<String>) -> String {
    let replaced = || {
        let tokens = significant_tokens(text).ok()?;
        let at = tokens.iter().position(is_references)? + 1;
        let (parent, behind) = TableRef::read(&tokens[at..])?;
        let name = &tokens[at..tokens.len() - behind.len()];
        let (start, end) = (name.first()?.start, name.last()?.end());
        Some(format!("{}{}{}", &text[..start], other(&parent)?, &text[end..]))
    };
    replaced().unwrap_or_else(|| text.to_owned())
}

/// The parent that `ADD … FOREIGN KEY …` names.
pub fn parent_of(text: &str) -> Option<TableRef> {
    let tokens = significant_tokens(text).ok()?;
    let at = tokens.iter().position(is_references)? + 1;
    TableRef::read(&tokens[at..]).map(|(parent, _)| parent)
}

/// The columns that `… REFERENCES parent (a, b)` names.
pub fn referenced_by(text: &str) -> Option<Vec<Ident>> {
    let tokens = significant_tokens(text).ok()?;
    let at = tokens.iter().position(is_references)? + 1;
    let (_, behind) = TableRef::read(&tokens[at..])?;
    let columns = Scan::new(behind).parentheses()?;
    list_items(columns).into_iter().map(|item| item.first()?.ident()).collect()
}

/// MariaDB: `IF NOT EXISTS`.
fn unless_exists(text: &str) -> bool {
    let tokens = significant_tokens(text).unwrap_or_default();
    tokens.windows(3).any(|three| Scan::new(three).words(&["IF", "NOT", "EXISTS"]))
}

fn is_references(token: &Token<'_>) -> bool {
    token.is_word("REFERENCES")
}

fn is_foreign(constraint: &Constraint) -> bool {
    matches!(constraint.kind, ConstraintKind::ForeignKey { .. })
}

/// What is behind `REFERENCES t (a) MATCH FULL ON DELETE … ON UPDATE …`.
fn behind_reference<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<&'t [Token<'a>]> {
    let mut scan = Scan::new(tokens);
    scan.next()?;
    scan.table_name()?;
    if scan.is_next(TokenKind::LeftParen) {
        scan.parentheses()?;
    }
    if scan.word("MATCH") {
        scan.next()?;
    }
    while scan.words(&["ON", "DELETE"]) || scan.words(&["ON", "UPDATE"]) {
        let known = [&["NO", "ACTION"][..], &["SET", "NULL"], &["SET", "DEFAULT"], &["RESTRICT"], &["CASCADE"]];
        known.iter().any(|words| scan.words(words)).then_some(())?;
    }
    Some(scan.tokens)
}

#[cfg(test)]
mod tests {
    use super::super::read_clauses;
    use super::*;

    #[track_caller]
    fn check(text: &str, rest: &str, adds: &[&str], drops: &[&str]) {
        let sorted = KeyClauses::of(&read_clauses(text).unwrap(), &[Ident::new("Own")]);
        assert_eq!(sorted.rest.spliced(), rest, "{text}");
        assert_eq!(sorted.adds, adds, "{text}");
        assert_eq!(sorted.drops.iter().map(Ident::as_str).collect::<Vec<_>>(), drops, "{text}");
    }

    #[test]
    fn foreign_keys_are_set_apart() {
        check(
            "ADD COLUMN a INT, ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE, DROP FOREIGN KEY own",
            "ADD COLUMN a INT",
            &["ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE"],
            &["Own"],
        );
        check("DROP CONSTRAINT own, DROP CONSTRAINT c", "DROP CONSTRAINT c", &[], &["Own"]);
        check("DROP FOREIGN KEY other", "DROP FOREIGN KEY other", &[], &[]);
        check("MODIFY a BIGINT COMMENT 'REFERENCES p (id)'", "MODIFY a BIGINT COMMENT 'REFERENCES p (id)'", &[], &[]);
    }

    #[test]
    fn foreign_keys_in_columns_are_cut_out() {
        check(
            "ADD COLUMN a INT NULL REFERENCES s.p (id) MATCH FULL ON DELETE SET NULL ON UPDATE NO ACTION COMMENT 'x' AFTER b",
            "ADD COLUMN a INT NULL COMMENT 'x' AFTER b",
            &["ADD FOREIGN KEY (`a`) REFERENCES s.p (id) MATCH FULL ON DELETE SET NULL ON UPDATE NO ACTION"],
            &[],
        );
        check(
            "ADD COLUMN (a INT REFERENCES p (id), b INT, KEY (b), CONSTRAINT g FOREIGN KEY (b) REFERENCES q (x, y))",
            "ADD COLUMN a INT, ADD COLUMN b INT, ADD KEY (b)",
            &["ADD FOREIGN KEY (`a`) REFERENCES p (id)", "ADD CONSTRAINT g FOREIGN KEY (b) REFERENCES q (x, y)"],
            &[],
        );
    }

    #[test]
    fn parents_are_exchanged() {
        let text = "ADD FOREIGN KEY (a) REFERENCES `s`.p (id) ON DELETE CASCADE";
        assert_eq!(
            with_parent(text, |parent| Some(format!("x.{}", parent.table))),
            "ADD FOREIGN KEY (a) REFERENCES x.`p` (id) ON DELETE CASCADE"
        );
        assert_eq!(with_parent(text, |_| None), text);
        assert_eq!(referenced_by(text), Some(vec![Ident::new("id")]));
    }
}
