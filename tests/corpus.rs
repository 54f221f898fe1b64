//! The clause reader against 134 statements that real servers judged.

use replank::plan::{Alter, ClauseError, Statement, TableRef, read_clauses, read_statement};
use replank::sql::Ident;
use replank::sql::lexer::LexError;

struct Line {
    id: &'static str,
    kinds: Vec<&'static str>,
    statement: &'static str,
}

fn corpus() -> Vec<Line> {
    include_str!("data/alter-corpus.tsv")
        .lines()
        .skip(1)
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [id, kinds, _mysql, _mariadb, statement] = columns[..] else { panic!("{line}") };
            Line { id, kinds: kinds.split(',').collect(), statement }
        })
        .collect()
}

/// Executable comments are refused on purpose: the two servers read different SQL in them.
fn is_executable_comment(line: &Line) -> bool {
    line.statement.contains("/*!")
}

fn alters() -> impl Iterator<Item = (Line, TableRef, Alter)> {
    corpus().into_iter().filter(|line| line.statement.contains("ALTER ") && !is_executable_comment(line)).map(|line| {
        match read_statement(line.statement) {
            Ok(Statement::AlterTable(change)) => (line, change.table, change.alter),
            other => panic!("{}: {other:?}", line.id),
        }
    })
}

#[test]
fn the_corpus_is_whole() {
    assert_eq!(corpus().len(), 134);
    assert_eq!(alters().count(), 127);
}

#[test]
fn every_clause_has_its_kind() {
    for (line, _, alter) in alters() {
        assert_eq!(alter.labels(), line.kinds, "{}: {}", line.id, line.statement);
    }
}

#[test]
fn every_clause_is_source_text() {
    for (line, _, alter) in alters() {
        for clause in &alter.clauses {
            assert!(line.statement.contains(&clause.text), "{}: {}", line.id, clause.text);
            assert_eq!(clause.text, clause.text.trim(), "{}", line.id);
        }
    }
}

#[test]
fn spliced_clauses_read_the_same() {
    let table = Ident::new("t");
    for (line, _, alter) in alters() {
        let spliced = format!("ALTER TABLE {table} {}", alter.spliced());
        let Ok(Statement::AlterTable(again)) = read_statement(&spliced) else { panic!("{}: {spliced}", line.id) };
        assert_eq!(again.alter, alter, "{}: {spliced}", line.id);
        assert_eq!(read_clauses(&alter.spliced()).as_ref(), Ok(&alter), "{}: {spliced}", line.id);

        let changes: Vec<_> = alter.changes().cloned().collect();
        if !changes.is_empty() {
            let framed = alter.prisma_sql(&table);
            let Ok(Statement::AlterTable(again)) = read_statement(&framed) else { panic!("{}: {framed}", line.id) };
            assert_eq!(again.alter.clauses, changes, "{}: {framed}", line.id);
        }
    }
}

#[test]
fn executable_comments_are_refused() {
    let refused: Vec<_> = corpus().into_iter().filter(is_executable_comment).collect();
    assert_eq!(refused.len(), 1);
    for line in refused {
        let error = read_statement(line.statement);
        assert!(matches!(error, Err(ClauseError::Lex(LexError::ExecutableComment { .. }))), "{error:?}");
    }
}

#[test]
fn index_and_rename_statements_have_their_kind() {
    for line in corpus().into_iter().filter(|line| !line.statement.contains("ALTER ")) {
        let statement = read_statement(line.statement).unwrap_or_else(|error| panic!("{}: {error}", line.id));
        let kind = match &statement {
            Statement::CreateIndex(_) => "CREATE",
            Statement::DropIndex(_) => "DROP",
            Statement::RenameTable { .. } => "RENAME",
            other => panic!("{}: {other:?}", line.id),
        };
        assert_eq!([kind], line.kinds[..], "{}", line.id);
        if let Statement::CreateIndex(change) | Statement::DropIndex(change) = statement {
            let spliced = change.alter.spliced();
            assert_eq!(read_clauses(&spliced).as_ref(), Ok(&change.alter), "{}: {spliced}", line.id);
        }
    }
}
