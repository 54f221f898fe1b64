//! What one clause is, from its tokens: its kind and the names in it.
//!
//! Invariant: never a wrong reading. What is not understood to its end is [`ClauseKind::Other`].

use super::clauses::{ClauseKind, Constraint, ConstraintKind};
use super::scan::{Scan, list_items};
use crate::sql::Ident;
use crate::sql::lexer::{Token, TokenKind};

/// The kind of a clause; the comma that ends it is not among its tokens.
pub(super) fn classify(tokens: &[Token<'_>]) -> ClauseKind {
    let Some((verb, rest)) = tokens.split_first() else { return ClauseKind::Other };
    let scan = Scan::new(rest);
    let kind = match verb.text.to_ascii_uppercase().as_str() {
        _ if verb.kind != TokenKind::Word => None,
        "ADD" => add(scan),
        "DROP" => drop(scan),
        "MODIFY" => modify(scan),
        "CHANGE" => change(scan),
        "ALTER" => alter(scan),
        "RENAME" => rename(scan),
        "CONVERT" => convert(scan),
        "PARTITION" => starts(scan, "BY", ClauseKind::PartitionBy),
        "REMOVE" => exactly(scan, &["PARTITIONING"], ClauseKind::RemovePartitioning),
        "FORCE" => exactly(scan, &[], ClauseKind::Force),
        "ORDER" => starts(scan, "BY", ClauseKind::OrderBy),
        "DISABLE" => exactly(scan, &["KEYS"], ClauseKind::DisableKeys),
        "ENABLE" => exactly(scan, &["KEYS"], ClauseKind::EnableKeys),
        "WITH" | "WITHOUT" => exactly(scan, &["VALIDATION"], ClauseKind::Validation),
        "ALGORITHM" => single_word(scan).map(ClauseKind::Algorithm),
        "LOCK" => single_word(scan).map(ClauseKind::Lock),
        "TRUNCATE" => starts(scan, "PARTITION", ClauseKind::TruncatePartition),
        "REORGANIZE" => starts(scan, "PARTITION", ClauseKind::ReorganizePartition),
        "EXCHANGE" => starts(scan, "PARTITION", ClauseKind::ExchangePartition),
        "COALESCE" => starts(scan, "PARTITION", ClauseKind::CoalescePartition),
        "ANALYZE" | "CHECK" | "OPTIMIZE" | "REBUILD" | "REPAIR" => {
            starts(scan, "PARTITION", ClauseKind::MaintainPartition)
        }
        "DISCARD" | "IMPORT" => match scan.tokens.first() {
            Some(next) if next.is_word("TABLESPACE") || next.is_word("PARTITION") => Some(ClauseKind::Tablespace),
            _ => None,
        },
        _ => None,
    };
    kind.unwrap_or(ClauseKind::Other)
}

fn starts(mut scan: Scan<'_, '_>, word: &str, kind: ClauseKind) -> Option<ClauseKind> {
    scan.word(word).then_some(kind)
}

fn exactly(mut scan: Scan<'_, '_>, words: &[&str], kind: ClauseKind) -> Option<ClauseKind> {
    (scan.words(words) && scan.at_end()).then_some(kind)
}

/// `[=] WORD` and nothing else, in upper case.
fn single_word(mut scan: Scan<'_, '_>) -> Option<String> {
    scan.kind(TokenKind::Equals);
    let value = scan.next().filter(|token| token.kind == TokenKind::Word)?;
    scan.at_end().then(|| value.text.to_ascii_uppercase())
}

fn add(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    if scan.words(&["SYSTEM", "VERSIONING"]) {
        return scan.at_end().then_some(ClauseKind::AddSystemVersioning);
    }
    if scan.word("PARTITION") {
        return Some(ClauseKind::AddPartitions);
    }
    if scan.words(&["PERIOD", "FOR"]) || scan.words(&["PERIOD", "IF", "NOT", "EXISTS", "FOR"]) {
        return Some(ClauseKind::AddPeriod);
    }
    let keyword = scan.word("COLUMN");
    if scan.if_not_exists() || keyword {
        if scan.is_next(TokenKind::LeftParen) {
            return add_list(scan);
        }
        return Some(ClauseKind::AddColumn { columns: vec![scan.column_definition()?], constraints: Vec::new() });
    }
    if scan.is_next(TokenKind::LeftParen) {
        return add_list(scan);
    }
    match constraint(scan.tokens)? {
        Added::Constraint(constraint) => Some(ClauseKind::AddConstraint(constraint)),
        Added::Column(column) => Some(ClauseKind::AddColumn { columns: vec![column], constraints: Vec::new() }),
    }
}

/// `(a INT, b INT, KEY (a))` and nothing behind it.
fn add_list(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    let inner = scan.parentheses()?;
    if !scan.at_end() {
        return None;
    }
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    for item in list_items(inner) {
        match constraint(item)? {
            Added::Constraint(constraint) => constraints.push(constraint),
            Added::Column(column) => columns.push(column),
        }
    }
    Some(ClauseKind::AddColumn { columns, constraints })
}

pub(super) enum Added {
    Column(Ident),
    Constraint(Constraint),
}

/// What stands behind ADD or as an item of a list of definitions.
pub(super) fn constraint(tokens: &[Token<'_>]) -> Option<Added> {
    let mut scan = Scan::new(tokens);
    let symbol = scan.word("CONSTRAINT").then(|| {
        scan.if_not_exists();
        let kind = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"];
        if kind.iter().any(|word| scan.is_next_word(word)) { None } else { scan.ident() }
    });
    let named = |kind, name: Option<Ident>, columns| {
        let name = name.or_else(|| symbol.clone().flatten());
        Some(Added::Constraint(Constraint { kind, name, columns }))
    };
    if scan.words(&["PRIMARY", "KEY"]) {
        return named(ConstraintKind::Primary, Some(Ident::new("PRIMARY")), scan.index_columns()?.1);
    }
    if scan.word("UNIQUE") {
        let _noise = scan.word("INDEX") || scan.word("KEY");
        let (name, columns) = scan.index_columns()?;
        return named(ConstraintKind::Unique, name, columns);
    }
    if scan.words(&["FOREIGN", "KEY"]) {
        let (index, columns) = scan.index_columns()?;
        let references = if scan.word("REFERENCES") { scan.table_name()? } else { return None };
        let name = symbol.clone().flatten().or(index);
        return named(ConstraintKind::ForeignKey { references }, name, columns);
    }
    if scan.word("CHECK") {
        scan.parentheses()?;
        return named(ConstraintKind::Check, None, Vec::new());
    }
    if symbol.is_some() {
        return None;
    }
    let index = if scan.word("INDEX") || scan.word("KEY") {
        Some(ConstraintKind::Index)
    } else if scan.words(&["VECTOR", "INDEX"]) || scan.words(&["VECTOR", "KEY"]) {
        Some(ConstraintKind::Vector)
    } else if scan.word("FULLTEXT") {
        let _noise = scan.word("INDEX") || scan.word("KEY");
        Some(ConstraintKind::Fulltext)
    } else if scan.word("SPATIAL") {
        let _noise = scan.word("INDEX") || scan.word("KEY");
        Some(ConstraintKind::Spatial)
    } else {
        None
    };
    match index {
        Some(kind) => {
            let (name, columns) = scan.index_columns()?;
            named(kind, name, columns)
        }
        None => Some(Added::Column(scan.column_definition()?)),
    }
}

fn drop(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    if scan.word("PARTITION") {
        return Some(ClauseKind::DropPartitions);
    }
    if scan.words(&["PRIMARY", "KEY"]) {
        return scan.at_end().then_some(ClauseKind::DropPrimaryKey);
    }
    if scan.words(&["SYSTEM", "VERSIONING"]) {
        return scan.at_end().then_some(ClauseKind::DropSystemVersioning);
    }
    if scan.words(&["PERIOD", "FOR"]) || scan.words(&["PERIOD", "IF", "EXISTS", "FOR"]) {
        return Some(ClauseKind::DropPeriod);
    }
    let named: fn(Ident) -> ClauseKind = if scan.word("INDEX") || scan.word("KEY") {
        |name| ClauseKind::DropIndex { name }
    } else if scan.words(&["FOREIGN", "KEY"]) {
        |name| ClauseKind::DropForeignKey { name }
    } else if scan.word("CHECK") {
        |name| ClauseKind::DropCheck { name }
    } else if scan.word("CONSTRAINT") {
        |name| ClauseKind::DropConstraint { name }
    } else {
        scan.word("COLUMN");
        |column| ClauseKind::DropColumn { column }
    };
    scan.if_exists();
    let kind = named(scan.ident()?);
    if matches!(kind, ClauseKind::DropColumn { .. }) {
        // Both servers read these two and do nothing with them.
        let _noise = scan.word("RESTRICT") || scan.word("CASCADE");
    }
    scan.at_end().then_some(kind)
}

fn modify(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    scan.word("COLUMN");
    scan.if_exists();
    Some(ClauseKind::ModifyColumn { column: scan.column_definition()? })
}

fn change(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    scan.word("COLUMN");
    scan.if_exists();
    let from = scan.ident()?;
    Some(ClauseKind::ChangeColumn { from, to: scan.column_definition()? })
}

fn alter(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    if scan.word("INDEX") || scan.word("KEY") {
        scan.if_exists();
        let name = scan.ident()?;
        let _negated = scan.word("NOT");
        let known = ["VISIBLE", "INVISIBLE", "IGNORED"].iter().any(|word| scan.word(word));
        return (known && scan.at_end()).then_some(ClauseKind::AlterIndex { name });
    }
    if scan.word("CHECK") || scan.word("CONSTRAINT") {
        let name = scan.ident()?;
        let _negated = scan.word("NOT");
        return (scan.word("ENFORCED") && scan.at_end()).then_some(ClauseKind::AlterConstraint { name });
    }
    scan.word("COLUMN");
    scan.if_exists();
    let column = scan.ident()?;
    let known = scan.words(&["SET", "DEFAULT"])
        || scan.words(&["DROP", "DEFAULT"])
        || scan.words(&["SET", "VISIBLE"])
        || scan.words(&["SET", "INVISIBLE"]);
    known.then_some(ClauseKind::AlterColumn { column })
}

fn rename(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    let index = scan.word("INDEX") || scan.word("KEY");
    if index || scan.word("COLUMN") {
        scan.if_exists();
        let from = scan.ident()?;
        let to = if scan.word("TO") { scan.ident()? } else { return None };
        let kind = if index { ClauseKind::RenameIndex { from, to } } else { ClauseKind::RenameColumn { from, to } };
        return scan.at_end().then_some(kind);
    }
    let _noise = scan.word("TO") || scan.word("AS") || scan.kind(TokenKind::Equals);
    let to = scan.table_name()?;
    scan.at_end().then_some(ClauseKind::RenameTable { to })
}

fn convert(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    if !scan.word("TO") || !(scan.word("CHARSET") || scan.words(&["CHARACTER", "SET"])) {
        return None;
    }
    let charset = scan.next()?.text.trim_matches(['`', '\'', '"']).to_ascii_lowercase();
    if scan.word("COLLATE") {
        scan.kind(TokenKind::Equals);
        scan.next()?;
    }
    scan.at_end().then_some(ClauseKind::ConvertCharset { charset })
}
