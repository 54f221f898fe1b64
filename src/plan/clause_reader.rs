//! Reads the text of clauses: where each one ends, what it is, which names it has.
//!
//! Invariant: never a wrong reading.
//! A clause is only given a kind when all that decides the kind was understood; everything else is
//! [`ClauseKind::Other`], with its text.
//! What the reader does not look at (types, defaults, expressions) it passes over by counting parentheses.

use super::clause_kind::classify;
use super::clauses::{Alter, Clause, ClauseError, ClauseKind};
use super::scan::{Scan, place, significant_tokens, text_of, top_level_ends};
use super::table_options::table_options;
use crate::sql::lexer::{Token, TokenKind};

/// Reads what stands behind `ALTER TABLE name`.
///
/// # Errors
/// No clause at all, a whole statement, a second statement, parentheses that do not match, executable comments.
pub fn read_clauses(text: &str) -> Result<Alter, ClauseError> {
    let tokens = significant_tokens(text)?;
    if let [first, second, ..] = tokens.as_slice()
        && first.is_word("ALTER")
        && ["TABLE", "IGNORE", "ONLINE", "OFFLINE"].iter().any(|word| second.is_word(word))
    {
        return Err(ClauseError::WholeStatement);
    }
    read_clause_tokens(text, &tokens)
}

/// Reads clauses from tokens whose parentheses match.
pub(super) fn read_clause_tokens(source: &str, tokens: &[Token<'_>]) -> Result<Alter, ClauseError> {
    if tokens.is_empty() {
        return Err(ClauseError::Empty);
    }
    let mut clauses = Vec::new();
    let mut rest = Some(tokens);
    while let Some(tokens) = rest {
        let comma = clause_end(tokens);
        let (piece, behind) = tokens.split_at(comma);
        if piece.is_empty() {
            return Err(ClauseError::EmptyClause { place: place(source, tokens) });
        }
        for (kind, part) in classify_piece(piece) {
            if let Some(text) = text_of(source, part) {
                clauses.push(Clause { kind, text: text.to_owned() });
            }
        }
        rest = behind.split_first().map(|(_comma, tokens)| tokens);
    }
    Ok(Alter { clauses })
}

/// Index of the comma that ends the clause which the tokens begin with, or their number.
fn clause_end(tokens: &[Token<'_>]) -> usize {
    // Partition commands stand alone, and some have a list of names.
    if is_partition_command(&mut Scan::new(tokens)) {
        return tokens.len();
    }
    let mut ends = top_level_ends(tokens);
    let mut end = ends.next().unwrap_or(tokens.len());
    if Scan::new(tokens).words(&["ORDER", "BY"]) {
        for next in ends {
            if !is_sort_item(&tokens[end + 1..next]) {
                break;
            }
            end = next;
        }
    }
    end
}

fn is_partition_command(scan: &mut Scan<'_, '_>) -> bool {
    const VERBS: [&str; 13] = [
        "ADD",
        "DROP",
        "TRUNCATE",
        "REORGANIZE",
        "EXCHANGE",
        "COALESCE",
        "ANALYZE",
        "CHECK",
        "OPTIMIZE",
        "REBUILD",
        "REPAIR",
        "DISCARD",
        "IMPORT",
    ];
    VERBS.iter().any(|verb| scan.word(verb)) && scan.word("PARTITION")
}

fn is_sort_item(tokens: &[Token<'_>]) -> bool {
    let mut scan = Scan::new(tokens);
    if scan.word("FORCE") || scan.table_name().is_none() {
        return false;
    }
    let _direction = scan.word("ASC") || scan.word("DESC");
    scan.at_end()
}

/// The clauses of a piece between two commas: table options need no comma, and partitioning takes none.
fn classify_piece<'t, 'a>(piece: &'t [Token<'a>]) -> Vec<(ClauseKind, &'t [Token<'a>])> {
    if let Some(start) = partitioning_start(piece) {
        let (before, partitioning) = piece.split_at(start);
        return classify_piece(before).into_iter().chain([(classify(partitioning), partitioning)]).collect();
    }
    match classify(piece) {
        ClauseKind::Other => table_options(piece).unwrap_or_else(|| vec![(ClauseKind::Other, piece)]),
        kind => vec![(kind, piece)],
    }
}

/// Where `PARTITION BY` or `REMOVE PARTITIONING` stands behind something else, outside of parentheses.
fn partitioning_start(piece: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in piece.iter().enumerate() {
        match token.kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth = depth.saturating_sub(1),
            TokenKind::Word if depth == 0 && index > 0 => {
                let mut scan = Scan::new(&piece[index..]);
                if scan.words(&["PARTITION", "BY"]) || scan.words(&["REMOVE", "PARTITIONING"]) {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::clauses::{Constraint, ConstraintKind, TableRef};
    use super::*;
    use crate::sql::Ident;

    #[track_caller]
    fn check(text: &str, labels: &[&str]) {
        match read_clauses(text) {
            Ok(alter) => assert_eq!(alter.labels(), labels, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }

    #[track_caller]
    fn kind(text: &str) -> ClauseKind {
        let alter = read_clauses(text).unwrap();
        assert_eq!(alter.clauses.len(), 1, "{text}: {alter:?}");
        alter.clauses[0].kind.clone()
    }

    fn ident(name: &str) -> Ident {
        Ident::new(name)
    }

    #[test]
    fn commas_inside_are_no_ends() {
        check("ADD a DECIMAL(10,2), ADD b ENUM('x,y', ')') , DROP c", &["AddColumn", "AddColumn", "DropColumn"]);
        check("ADD a INT DEFAULT (f(1, (2), 3)), FORCE", &["AddColumn", "Force"]);
        check("ADD `a,b` INT, DROP `c)`", &["AddColumn", "DropColumn"]);
        check("ADD a INT COMMENT 'x' -- , DROP b\n , DROP c", &["AddColumn", "DropColumn"]);
        check("DROP PARTITION p0, p1", &["DropPartitions"]);
        check("ALGORITHM=INPLACE, DROP PARTITION p0, p1", &["Algorithm", "DropPartitions"]);
        check("REBUILD PARTITION p0, p1", &["MaintainPartition"]);
        check("DISCARD PARTITION p0, p1 TABLESPACE", &["Tablespace"]);
        check("ORDER BY a DESC, t.b, c ASC", &["OrderBy"]);
        check("ORDER BY a, FORCE", &["OrderBy", "Force"]);
        check("ORDER BY a, b, ADD c INT", &["OrderBy", "AddColumn"]);
    }

    #[test]
    fn table_options_need_no_commas() {
        check("ENGINE=InnoDB ROW_FORMAT DYNAMIC COMMENT 'a, b'", &["TableOption"; 3]);
        check("DEFAULT CHARSET=utf8mb4 DEFAULT COLLATE utf8mb4_bin, COLLATE x", &["TableOption"; 2]);
        check("AUTO_INCREMENT 10 ENGINE InnoDB", &["AutoIncrement", "TableOption"]);
        check("PAGE_COMPRESSED=1, `MY_OPTION`='x', OTHER_OPTION=on", &["TableOption"; 3]);
        check("UNION = (a, b), DATA DIRECTORY='/x'", &["TableOption"; 2]);
        check("ENGINE=InnoDB PARTITION BY KEY () PARTITIONS 2", &["TableOption", "PartitionBy"]);
        check("ENGINE=InnoDB REMOVE PARTITIONING", &["TableOption", "RemovePartitioning"]);
        let options = "row_format=compressed";
        let expected = ClauseKind::TableOption { name: "ROW_FORMAT".to_owned(), value: "compressed".to_owned() };
        assert_eq!(kind(options), expected);
    }

    #[test]
    fn names_are_read_from_every_form() {
        let from_to = |from, to| ClauseKind::ChangeColumn { from: ident(from), to: ident(to) };
        assert_eq!(kind("CHANGE COLUMN IF EXISTS `a``b` c INT"), from_to("a`b", "c"));
        assert_eq!(kind("change a A int"), from_to("a", "A"));
        assert_eq!(kind("DROP COLUMN IF EXISTS a CASCADE"), ClauseKind::DropColumn { column: ident("a") });
        assert_eq!(kind("DROP system"), ClauseKind::DropColumn { column: ident("system") });
        assert_eq!(kind("MODIFY IF EXISTS a INT"), ClauseKind::ModifyColumn { column: ident("a") });
        assert_eq!(kind("RENAME KEY a TO b"), ClauseKind::RenameIndex { from: ident("a"), to: ident("b") });
        let table = TableRef { schema: Some(ident("s")), table: ident("t") };
        assert_eq!(kind("RENAME = s.t"), ClauseKind::RenameTable { to: table });
        assert_eq!(kind("ALTER INDEX i NOT IGNORED"), ClauseKind::AlterIndex { name: ident("i") });
        assert_eq!(kind("DROP FOREIGN KEY IF EXISTS f"), ClauseKind::DropForeignKey { name: ident("f") });
    }

    #[test]
    fn added_lists_have_columns_and_constraints() {
        let expected = ClauseKind::AddColumn {
            columns: vec![ident("a"), ident("b")],
            constraints: vec![Constraint {
                kind: ConstraintKind::Unique,
                name: Some(ident("u")),
                columns: vec![ident("a"), ident("b")],
            }],
        };
        assert_eq!(kind("ADD (a DECIMAL(4,2), b INT, UNIQUE KEY u (a, b(10) DESC))"), expected);
    }

    #[test]
    fn constraints_have_kind_name_and_columns() {
        #[track_caller]
        fn check(text: &str, kind: ConstraintKind, name: Option<&str>, columns: &[&str]) {
            let columns = columns.iter().map(|name| Ident::new(*name)).collect();
            let expected = Constraint { kind, name: name.map(Ident::new), columns };
            assert_eq!(super::tests::kind(text), ClauseKind::AddConstraint(expected), "{text}");
        }
        let parent = || ConstraintKind::ForeignKey { references: TableRef { schema: None, table: ident("p") } };
        check("ADD INDEX (a, b)", ConstraintKind::Index, None, &["a", "b"]);
        check("ADD KEY IF NOT EXISTS k USING HASH (a)", ConstraintKind::Index, Some("k"), &["a"]);
        check("ADD INDEX USING BTREE (a)", ConstraintKind::Index, None, &["a"]);
        check("ADD INDEX f ((lower(a)), b)", ConstraintKind::Index, Some("f"), &["b"]);
        check("ADD CONSTRAINT c UNIQUE (a)", ConstraintKind::Unique, Some("c"), &["a"]);
        check("ADD CONSTRAINT c UNIQUE INDEX i (a)", ConstraintKind::Unique, Some("i"), &["a"]);
        check("ADD CONSTRAINT UNIQUE (a)", ConstraintKind::Unique, None, &["a"]);
        check("ADD CONSTRAINT c PRIMARY KEY (a)", ConstraintKind::Primary, Some("PRIMARY"), &["a"]);
        check("ADD CONSTRAINT c FOREIGN KEY i (a) REFERENCES p (id)", parent(), Some("c"), &["a"]);
        check("ADD FOREIGN KEY i (a) REFERENCES p (id)", parent(), Some("i"), &["a"]);
        check("ADD CHECK (a > (b))", ConstraintKind::Check, None, &[]);
        check("ADD FULLTEXT (a)", ConstraintKind::Fulltext, None, &["a"]);
        check("ADD VECTOR INDEX v (a) M=8", ConstraintKind::Vector, Some("v"), &["a"]);
    }

    #[test]
    fn what_is_not_known_is_other_and_keeps_its_text() {
        for text in [
            "ADD COLUMN a",
            "ADD COLUMN t.a INT",
            "DROP a b",
            "DROP t.a",
            "CHANGE t.a b INT",
            "RENAME a b",
            "FORCE x",
            "b INT",
            "WAIT 5 ADD a INT",
            "ADD \"a\" INT",
            "ADD VECTOR (a)",
            "FROBNICATE",
            "LOCK NONE x",
            "ENGINE",
            "ENGINE=InnoDB LOCK=NONE",
            "ADD CONSTRAINT c INDEX (a)",
            "CONVERT TABLE x TO PARTITION p",
            "'x'",
            "DEFAULT ENGINE=InnoDB",
            "ALTER a FROB",
            "SECONDARY_LOAD",
        ] {
            let alter = read_clauses(text).unwrap();
            assert_eq!(alter.clauses, [Clause { kind: ClauseKind::Other, text: text.to_owned() }]);
        }
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        #[track_caller]
        fn check(text: &str, message: &str) {
            assert_eq!(read_clauses(text).unwrap_err().to_string(), message, "{text}");
        }
        check("", "there is no clause");
        check(" -- nothing\n;", "there is no clause");
        check("DROP a; DROP TABLE t", "only one statement is read, and `DROP TABLE t` follows a semicolon");
        check("DROP a,, DROP b", "there is an empty clause before `, DROP b`");
        check(", DROP b", "there is an empty clause before `, DROP b`");
        check("DROP a, ", "there is an empty clause at the end");
        check("ADD a DECIMAL(1,2", "parentheses do not match in `(1,2`");
        check("ADD a INT), (", "parentheses do not match in `), (`");
        check("ALTER TABLE t DROP a", "only the clauses are taken here, without `ALTER TABLE`");
        check("alter online table t DROP a", "only the clauses are taken here, without `ALTER TABLE`");
        check(
            "DROP a /*!80000 , DROP b */",
            "executable comment `/*!80000 , DROP b */` means different SQL on different servers; write what it contains without the comment",
        );
        check("ADD a INT DEFAULT 'x", "Unterminated string literal at line 1, column 19");
    }

    #[test]
    fn a_semicolon_at_the_end_is_no_second_statement() {
        check("DROP a;; -- done", &["DropColumn"]);
        check("ADD a INT COMMENT ';'", &["AddColumn"]);
    }

    #[test]
    fn texts_have_no_comments_around_them() {
        let alter = read_clauses("/* a */ DROP /* b */ a -- c\n, /* d */ FORCE # e").unwrap();
        assert_eq!(alter.spliced(), "DROP /* b */ a, FORCE");
    }

    fn word() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "ADD",
            "DROP",
            "COLUMN",
            "CHANGE",
            "MODIFY",
            "RENAME",
            "INDEX",
            "KEY",
            "UNIQUE",
            "PRIMARY",
            "CONSTRAINT",
            "FOREIGN",
            "REFERENCES",
            "CHECK",
            "TO",
            "IF",
            "EXISTS",
            "NOT",
            "PARTITION",
            "BY",
            "ORDER",
            "REMOVE",
            "PARTITIONING",
            "SYSTEM",
            "VERSIONING",
            "PERIOD",
            "FOR",
            "ALGORITHM",
            "LOCK",
            "FORCE",
            "ENGINE",
            "CHARSET",
            "COLLATE",
            "DEFAULT",
            "SET",
            "CONVERT",
            "CHARACTER",
            "USING",
            "=",
            ",",
            "(",
            ")",
            "a",
            "`b`",
            "'c'",
            "1",
            ".",
            "INT",
            ";",
            "-- x\n",
            "ALTER",
            "TABLE",
            "ON",
            "CREATE",
            "WAIT",
        ])
    }

    proptest! {
        #[test]
        fn any_words_are_read_without_panic_and_splice_to_the_same(words in prop::collection::vec(word(), 0..24)) {
            let text = words.join(" ");
            let _ = super::super::read_statement(&text);
            if let Ok(alter) = read_clauses(&text) {
                for clause in &alter.clauses {
                    prop_assert!(text.contains(&clause.text));
                }
                prop_assert_eq!(read_clauses(&alter.spliced()), Ok(alter));
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in any::<String>()) {
            let _ = read_clauses(&text);
            let _ = super::super::read_statement(&text);
        }
    }
}
