//! A whole statement of a migration, as far as it changes one table's definition.
//!
//! CREATE INDEX and DROP INDEX come out as the clause of the ALTER TABLE that both servers make of them, so that
//! everything behind the reading knows one kind of change.

use super::clause_reader::read_clause_tokens;
use super::clauses::{Alter, Clause, ClauseError, ClauseKind, Constraint, ConstraintKind, TableRef};
use super::scan::{Scan, place, significant_tokens, text_of};
use crate::sql::lexer::{Token, TokenKind};

/// What a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statement {
    /// `ALTER TABLE`.
    AlterTable(AlterTable),
    /// `CREATE INDEX i ON t (…)`.
    CreateIndex(AlterTable),
    /// `DROP INDEX i ON t`.
    DropIndex(AlterTable),
    /// `RENAME TABLE a TO b, c TO d`.
    RenameTable {
        /// From and to, in order.
        pairs: Vec<(TableRef, TableRef)>,
    },
    /// Anything else: the server's business.
    Other,
}

/// A change of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterTable {
    /// The table as the statement names it.
    pub table: TableRef,
    /// The words of the statement that are no clauses.
    pub frame: Frame,
    /// The clauses.
    pub alter: Alter,
}

/// What MariaDB has around the clauses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// `ALTER IGNORE TABLE`: rows that violate a new unique key are dropped.
    pub ignore: bool,
    /// `ALTER ONLINE TABLE`, which is LOCK=NONE.
    pub online: bool,
    /// `ALTER TABLE IF EXISTS`.
    pub if_exists: bool,
    /// `WAIT 5` or `NOWAIT`, as typed.
    pub wait: Option<String>,
}

/// Reads one statement; a semicolon at its end may be there or not.
///
/// # Errors
/// As [`super::read_clauses`], and an ALTER TABLE, CREATE INDEX or DROP INDEX whose frame is broken.
pub fn read_statement(text: &str) -> Result<Statement, ClauseError> {
    let tokens = significant_tokens(text)?;
    let mut scan = Scan::new(&tokens);
    if scan.word("ALTER") {
        return alter_table(text, scan);
    }
    if scan.word("CREATE") {
        return create_index(text, scan);
    }
    if scan.words(&["DROP", "INDEX"]) {
        return drop_index(text, scan);
    }
    if scan.words(&["RENAME", "TABLE"]) || scan.words(&["RENAME", "TABLES"]) {
        return rename_tables(text, scan);
    }
    if scan.at_end() { Err(ClauseError::Empty) } else { Ok(Statement::Other) }
}

fn alter_table(source: &str, mut scan: Scan<'_, '_>) -> Result<Statement, ClauseError> {
    let mut frame = Frame::default();
    loop {
        if scan.word("ONLINE") {
            frame.online = true;
        } else if scan.word("IGNORE") {
            frame.ignore = true;
        } else {
            break;
        }
    }
    if !scan.word("TABLE") {
        return Ok(Statement::Other);
    }
    frame.if_exists = scan.if_exists();
    let table = scan.table_name().ok_or_else(|| expected(source, scan, "a table name"))?;
    frame.wait = wait(source, &mut scan);
    let alter = read_clause_tokens(source, scan.tokens)?;
    Ok(Statement::AlterTable(AlterTable { table, frame, alter }))
}

fn create_index(source: &str, mut scan: Scan<'_, '_>) -> Result<Statement, ClauseError> {
    let frame = Frame { online: scan.word("ONLINE"), ..Frame::default() };
    let head = scan.tokens;
    let kind = if scan.word("UNIQUE") {
        ConstraintKind::Unique
    } else if scan.word("FULLTEXT") {
        ConstraintKind::Fulltext
    } else if scan.word("SPATIAL") {
        ConstraintKind::Spatial
    } else if scan.word("VECTOR") {
        ConstraintKind::Vector
    } else {
        ConstraintKind::Index
    };
    if !scan.word("INDEX") {
        return Ok(Statement::Other);
    }
    scan.if_not_exists();
    let name = scan.ident().ok_or_else(|| expected(source, scan, "an index name"))?;
    if scan.word("USING") {
        scan.next();
    }
    let head = &head[..head.len() - scan.tokens.len()];
    let table = on_table(source, &mut scan)?;
    let list = scan.tokens;
    let (_, columns) = scan.index_columns().ok_or_else(|| expected(source, scan, "a list of columns"))?;
    let list = &list[..list.len() - scan.tokens.len()];
    let frame = Frame { wait: wait(source, &mut scan), ..frame };
    let options = scan.tokens;
    while !scan.at_end() && !scan.is_next_word("ALGORITHM") && !scan.is_next_word("LOCK") {
        scan.next();
    }
    let options = &options[..options.len() - scan.tokens.len()];
    let text = ["ADD"].into_iter().chain([head, list, options].into_iter().filter_map(|part| text_of(source, part)));
    let clause = Clause {
        kind: ClauseKind::AddConstraint(Constraint { kind, name: Some(name), columns }),
        text: text.collect::<Vec<_>>().join(" "),
    };
    let alter = with_algorithm_and_lock(source, clause, scan)?;
    Ok(Statement::CreateIndex(AlterTable { table, frame, alter }))
}

fn drop_index(source: &str, mut scan: Scan<'_, '_>) -> Result<Statement, ClauseError> {
    let named = scan.tokens;
    scan.if_exists();
    let name = scan.ident().ok_or_else(|| expected(source, scan, "an index name"))?;
    let named = &named[..named.len() - scan.tokens.len()];
    let table = on_table(source, &mut scan)?;
    let frame = Frame { wait: wait(source, &mut scan), ..Frame::default() };
    let text = format!("DROP INDEX {}", text_of(source, named).unwrap_or_default());
    let alter = with_algorithm_and_lock(source, Clause { kind: ClauseKind::DropIndex { name }, text }, scan)?;
    Ok(Statement::DropIndex(AlterTable { table, frame, alter }))
}

fn rename_tables(source: &str, mut scan: Scan<'_, '_>) -> Result<Statement, ClauseError> {
    if scan.if_exists() {
        return Ok(Statement::Other);
    }
    let mut pairs = Vec::new();
    loop {
        let from = scan.table_name().ok_or_else(|| expected(source, scan, "a table name"))?;
        if wait(source, &mut scan).is_some() {
            return Ok(Statement::Other);
        }
        if !scan.word("TO") {
            return Err(expected(source, scan, "TO"));
        }
        pairs.push((from, scan.table_name().ok_or_else(|| expected(source, scan, "a table name"))?));
        if scan.at_end() {
            return Ok(Statement::RenameTable { pairs });
        }
        if !scan.kind(TokenKind::Comma) {
            return Err(expected(source, scan, "a comma"));
        }
    }
}

fn on_table(source: &str, scan: &mut Scan<'_, '_>) -> Result<TableRef, ClauseError> {
    if !scan.word("ON") {
        return Err(expected(source, *scan, "ON"));
    }
    scan.table_name().ok_or_else(|| expected(source, *scan, "a table name"))
}

/// MariaDB's `WAIT 5` or `NOWAIT`.
fn wait(source: &str, scan: &mut Scan<'_, '_>) -> Option<String> {
    let start = scan.tokens;
    let taken = match start {
        [word, ..] if word.is_word("NOWAIT") => 1,
        [word, number, ..] if word.is_word("WAIT") && number.kind == TokenKind::Number => 2,
        _ => return None,
    };
    let (words, rest) = start.split_at(taken);
    scan.tokens = rest;
    text_of(source, words).map(str::to_owned)
}

/// The clause and the `ALGORITHM = x` and `LOCK = x` behind it, which CREATE INDEX and DROP INDEX take without commas.
fn with_algorithm_and_lock(source: &str, clause: Clause, mut scan: Scan<'_, '_>) -> Result<Alter, ClauseError> {
    let mut clauses = vec![clause];
    while !scan.at_end() {
        let start = scan.tokens;
        let kind: fn(String) -> ClauseKind = if scan.word("ALGORITHM") {
            ClauseKind::Algorithm
        } else if scan.word("LOCK") {
            ClauseKind::Lock
        } else {
            return Err(expected(source, scan, "ALGORITHM or LOCK"));
        };
        scan.kind(TokenKind::Equals);
        let value: Option<&Token<'_>> = scan.next();
        let value = value.ok_or_else(|| expected(source, scan, "a value"))?.text.to_ascii_uppercase();
        let part = &start[..start.len() - scan.tokens.len()];
        clauses.push(Clause { kind: kind(value), text: text_of(source, part).unwrap_or_default().to_owned() });
    }
    Ok(Alter { clauses })
}

fn expected(source: &str, scan: Scan<'_, '_>, what: &'static str) -> ClauseError {
    ClauseError::Expected { expected: what, place: place(source, scan.tokens) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Ident;

    fn table(schema: Option<&str>, table: &str) -> TableRef {
        TableRef { schema: schema.map(Ident::new), table: Ident::new(table) }
    }

    #[test]
    fn the_frame_of_alter_table_is_kept() {
        let text = "ALTER ONLINE IGNORE TABLE IF EXISTS `s`.`t` NOWAIT DROP a;";
        let Ok(Statement::AlterTable(change)) = read_statement(text) else { panic!() };
        assert_eq!(change.table, table(Some("s"), "t"));
        let frame = Frame { ignore: true, online: true, if_exists: true, wait: Some("NOWAIT".to_owned()) };
        assert_eq!(change.frame, frame);
        assert_eq!(change.alter.spliced(), "DROP a");
    }

    #[test]
    fn index_statements_become_clauses() {
        #[track_caller]
        fn check(text: &str, spliced: &str) {
            match read_statement(text) {
                Ok(Statement::CreateIndex(change) | Statement::DropIndex(change)) => {
                    assert_eq!(change.alter.spliced(), spliced);
                    assert_eq!(change.table, table(None, "t"));
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        check("CREATE INDEX i ON t(a)", "ADD INDEX i (a)");
        check(
            "CREATE UNIQUE INDEX IF NOT EXISTS `i` USING BTREE ON `t` (a DESC, b(10)) WAIT 3 COMMENT 'x' LOCK NONE ALGORITHM = inplace",
            "ADD UNIQUE INDEX IF NOT EXISTS `i` USING BTREE (a DESC, b(10)) COMMENT 'x', LOCK NONE, ALGORITHM = inplace",
        );
        check("DROP INDEX IF EXISTS i ON t NOWAIT LOCK=NONE", "DROP INDEX IF EXISTS i, LOCK=NONE");
    }

    #[test]
    fn other_statements_are_the_servers() {
        for text in [
            "CREATE TABLE t (a INT)",
            "DROP TABLE t",
            "INSERT INTO t VALUES (1)",
            "CREATE OR REPLACE INDEX i ON t (a)",
            "ALTER VIEW v AS SELECT 1",
            "RENAME TABLE a WAIT 3 TO b",
        ] {
            assert_eq!(read_statement(text), Ok(Statement::Other), "{text}");
        }
    }

    #[test]
    fn broken_frames_are_named() {
        #[track_caller]
        fn check(text: &str, message: &str) {
            assert_eq!(read_statement(text).unwrap_err().to_string(), message, "{text}");
        }
        check("ALTER TABLE", "expected a table name at the end");
        check("ALTER TABLE t", "there is no clause");
        check("CREATE INDEX ON t (a)", "expected ON before `t (a)`");
        check("CREATE INDEX i ON t", "expected a list of columns at the end");
        check("DROP INDEX i", "expected ON at the end");
        check("RENAME TABLE a b", "expected TO before `b`");
        check("-- nothing", "there is no clause");
    }

    #[test]
    fn renames_keep_their_order() {
        let pairs = vec![(table(None, "a"), table(Some("s"), "b")), (table(None, "c"), table(None, "d"))];
        assert_eq!(read_statement("RENAME TABLE a TO s.b, c TO d;"), Ok(Statement::RenameTable { pairs }));
    }
}
