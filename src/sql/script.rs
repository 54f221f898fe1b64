//! A migration.sql as the statements that the server makes of it.
//!
//! Prisma sends the file as one text and the server splits it, so the number of a statement in an error is the server's
//! count. [`split`] cuts in the same places, which lets one statement be run differently from the others.
//!
//! Invariant: the parts join to the source, and a statement reaches the server as it is in the file.
//! Where it is not certain that the server would cut in the same place, nothing is cut any more: the rest of the file
//! is one [`Statement`] with a [`Reading`] that says why, for the server to split and to answer.
//!
//! As everywhere in this crate, the reading is that of a session without ANSI_QUOTES and NO_BACKSLASH_ESCAPES.

use super::compound::{Endless, end_of_statement};
use super::executed::{executed_tokens, inside_comment};
use super::lexer::{LexError, Token, TokenKind, leading_tokens, tokens};

/// The statements of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script<'a> {
    /// In order. Empty for a script with nothing but comments; one statement without text for a script with nothing at
    /// all, which the server answers with error 1065, Query was empty.
    pub statements: Vec<Statement<'a>>,
    /// What is behind the last statement: comments, whitespace, semicolons that the server passes over.
    pub tail: &'a str,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The server's number of it, from 1, which is what Prisma's "query number" says.
    pub number: usize,
    /// Whitespace in front of it, and nothing else.
    pub lead: &'a str,
    /// What the server is to be sent: from the comments in front of it to its last character, without the semicolon.
    pub text: &'a str,
    /// The semicolon behind it, or nothing at the end of the script.
    pub terminator: &'a str,
    /// Byte offset of `text` in the script.
    pub start: usize,
    /// The line of its first word, from 1.
    pub line: usize,
    /// Whether it is one statement for certain.
    pub reading: Reading,
}

/// How far a statement was understood when the script was split.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// It is exactly one statement.
    Whole,
    /// It is all that is left of the script, and where the statements in it end is for the server to say.
    Rest(Unsplit),
}

/// Why a script is not split further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsplit {
    /// The text cannot be read as tokens.
    #[error(transparent)]
    Lex(#[from] LexError),
    /// The end of a stored program cannot be told.
    #[error(transparent)]
    Program(#[from] Endless),
    /// A semicolon in an executable comment that ends a statement on the servers which execute it.
    #[error("a statement ends inside an executable comment")]
    Comment,
    /// Nothing between two semicolons, which the server takes as a mistake.
    #[error("there is no statement between two semicolons")]
    Empty,
}

impl<'a> Statement<'a> {
    /// The text without the comments in front of it.
    pub fn code(&self) -> &'a str {
        let first = leading_tokens(self.text).0.into_iter().find(|token| !token.is_trivia());
        first.map_or(self.text, |token| self.text[token.start..].trim_end())
    }
}

impl Script<'_> {
    /// Whether the script has neither a statement nor a comment.
    pub fn is_blank(&self) -> bool {
        matches!(self.statements.as_slice(), [only] if only.text.is_empty())
    }
}

/// Splits a script. Every text is a script: what cannot be split is one statement.
pub fn split(source: &str) -> Script<'_> {
    // The servers take whitespace and semicolons off the end before they parse.
    let end = source.trim_end_matches(|ch| ch == ';' || is_server_space(ch)).len();
    let mut cut = Cut { source, end, start: 0, line: 1, counted: 0, statements: Vec::new() };
    if end == 0 {
        cut.push(0, 0, "", Reading::Whole);
        return Script { statements: cut.statements, tail: source };
    }
    let (all, error) = leading_tokens(&source[..end]);
    let read_to = all.last().map_or(0, Token::end);
    let comments: Vec<Token<'_>> =
        all.iter().filter(|token| token.kind == TokenKind::ExecutableComment).copied().collect();
    let mut rest: &[Token<'_>] = &executed_tokens(&all);
    loop {
        if rest.is_empty() && error.is_none() {
            return Script { statements: cut.statements, tail: &source[cut.start..] };
        }
        let first_word = rest.first().map_or(read_to, |token| token.start);
        match statement_end(&comments, rest, error.as_ref()) {
            Ok(at) if at < rest.len() => {
                cut.push(first_word, rest[at].start, rest[at].text, Reading::Whole);
                rest = &rest[at + 1..];
            }
            last => {
                cut.push(first_word, end, "", last.map_or_else(Reading::Rest, |_| Reading::Whole));
                return Script { statements: cut.statements, tail: &source[end..] };
            }
        }
    }
}

struct Cut<'a> {
    source: &'a str,
    end: usize,
    /// Where the next statement begins, whitespace in front of it included.
    start: usize,
    /// The line of the byte up to which lines were counted.
    line: usize,
    counted: usize,
    statements: Vec<Statement<'a>>,
}

impl<'a> Cut<'a> {
    fn push(&mut self, first_word: usize, end: usize, terminator: &'a str, reading: Reading) {
        let whole = &self.source[self.start..end];
        let text = whole.trim_start_matches(is_server_space);
        let start = end - text.len();
        let first_word = first_word.min(self.end);
        self.line += self.source[self.counted..first_word].matches('\n').count();
        self.counted = first_word;
        self.statements.push(Statement {
            number: self.statements.len() + 1,
            lead: &self.source[self.start..start],
            text,
            terminator,
            start,
            line: self.line,
            reading,
        });
        self.start = end + terminator.len();
    }
}

/// What the servers pass over in front of a statement and behind the last one.
fn is_server_space(ch: char) -> bool {
    matches!(ch, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

/// Index among the tokens of the semicolon that ends the first statement, or their number.
fn statement_end(comments: &[Token<'_>], rest: &[Token<'_>], error: Option<&LexError>) -> Result<usize, Unsplit> {
    let at = end_of_statement(rest)?;
    if at == 0 && !rest.is_empty() {
        return Err(Unsplit::Empty);
    }
    let end = match (rest.get(at), error) {
        (Some(semicolon), _) => semicolon.end(),
        (None, Some(error)) => return Err(error.clone().into()),
        (None, None) => usize::MAX,
    };
    let begin = rest.first().map_or(0, |token| token.start);
    let first = comments.partition_point(|comment| comment.end() <= begin);
    for comment in comments[first..].iter().take_while(|comment| comment.start < end) {
        // A string or a comment that does not end in it, or a semicolon: the servers see the end of it elsewhere.
        tokens(inside_comment(comment).1)?;
        if end <= comment.end() {
            return Err(Unsplit::Comment);
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        let script = split(source);
        assert_joins(source, &script);
        assert!(script.statements.iter().all(|statement| statement.reading == Reading::Whole), "{script:?}");
        script.statements.iter().map(|statement| statement.text).collect()
    }

    #[track_caller]
    fn assert_joins(source: &str, script: &Script<'_>) {
        let mut joined = String::new();
        for (index, statement) in script.statements.iter().enumerate() {
            assert_eq!(statement.number, index + 1);
            assert!(statement.lead.chars().all(is_server_space));
            joined += statement.lead;
            assert_eq!(joined.len(), statement.start);
            joined += statement.text;
            joined += statement.terminator;
        }
        assert_eq!(joined + script.tail, source);
    }

    #[test]
    fn comments_belong_to_the_statement_behind_them() {
        let source = "-- AlterTable\r\nALTER TABLE `a;b` ADD c INT DEFAULT ';';\n\n/* x; */ DROP TABLE t ;\n-- end\n";
        let script = split(source);
        assert_joins(source, &script);
        let found: Vec<(usize, &str)> = script.statements.iter().map(|s| (s.line, s.text)).collect();
        let alter = "-- AlterTable\r\nALTER TABLE `a;b` ADD c INT DEFAULT ';'";
        assert_eq!(found, [(2, alter), (4, "/* x; */ DROP TABLE t ")]);
        assert_eq!(script.tail, "\n-- end\n");
    }

    #[test]
    fn a_script_without_statements() {
        assert_eq!(texts("-- This is an empty migration."), Vec::<&str>::new());
        for blank in ["", " \n\t", ";", "; ;\n"] {
            assert_eq!(texts(blank), [""], "{blank:?}");
            assert!(split(blank).is_blank());
        }
        assert!(!split("-- a").is_blank());
        assert!(!split("SELECT 1").is_blank());
    }

    #[test]
    fn a_head_ends_with_its_statement() {
        assert_eq!(
            texts("CREATE SEQUENCE s; CREATE PROCEDURE p() BEGIN SELECT 1; END; SELECT 2"),
            ["CREATE SEQUENCE s", "CREATE PROCEDURE p() BEGIN SELECT 1; END", "SELECT 2"]
        );
        assert_eq!(texts("CREATE ROLE r; DROP FUNCTION f; SELECT 2"), ["CREATE ROLE r", "DROP FUNCTION f", "SELECT 2"]);
    }

    #[test]
    fn bodies_keep_their_semicolons() {
        let whole = [
            "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 1",
            "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.b = 1; SET NEW.c = 2; END",
            "CREATE OR REPLACE DEFINER=`a`@`%` TRIGGER IF NOT EXISTS a AFTER UPDATE ON t FOR EACH ROW FOLLOWS z \
             IF NEW.a THEN SET @x = 1; ELSEIF NEW.b THEN SET @x = 2; ELSE BEGIN END; END IF",
            "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW IF NEW.begin IS NULL THEN SET NEW.end = IF(1, 2, 3); END IF",
            "CREATE DEFINER = root@localhost PROCEDURE s.p(IN a INT, b ENUM('x;','y')) COMMENT 'a;b' READS SQL DATA \
             l: LOOP SET a = 1; LEAVE l; END LOOP l",
            "CREATE PROCEDURE p() BEGIN DECLARE c CURSOR FOR SELECT end, begin FROM t; \
             DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLSTATE VALUE '23000', 1062, NOT FOUND BEGIN ROLLBACK; END; \
             DECLARE CONTINUE HANDLER FOR NOT FOUND SET @d = 1; OPEN c; CLOSE c; END",
            "CREATE FUNCTION f(a INT) RETURNS VARCHAR(10) CHARSET utf8mb4 DETERMINISTIC NO SQL \
             RETURN CASE a WHEN end THEN 'x' ELSE CASE WHEN a THEN 'y' END END",
            "CREATE FUNCTION f() RETURNS NATIONAL CHAR(10) BEGIN SELECT 1; RETURN 'a'; END",
            "CREATE FUNCTION f() RETURNS NATIONAL CHARACTER VARYING(10) NO SQL BEGIN SET @a = 1; RETURN 'a'; END",
            "CREATE FUNCTION f() RETURNS CHAR BYTE BEGIN SET @a = 1; RETURN 'a'; END",
            "CREATE FUNCTION f() RETURNS CHAR(10) BYTE NO SQL BEGIN SET @a = 1; RETURN 'a'; END",
            "CREATE FUNCTION f() RETURNS CHAR(10) CHAR SET latin1 BEGIN SET @a = 1; RETURN 'a'; END",
            "CREATE FUNCTION f() RETURNS LONG VARCHAR BEGIN SET @a = 1; RETURN 'a'; END",
            "CREATE FUNCTION f() RETURNS DECIMAL(10, 2) UNSIGNED NOT DETERMINISTIC SQL SECURITY INVOKER BEGIN \
             CASE a WHEN 1 THEN SET b = 1; SET c = 2; ELSE SET d = 3; END CASE; RETURN 1; END",
            "CREATE PROCEDURE p() BEGIN REPEAT SET a = a + 1; UNTIL a > 3 END REPEAT; \
             WHILE CASE a WHEN 1 THEN 1 END DO SET b = 2; END WHILE; x: BEGIN END x; SELECT 1; END",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01' COMMENT 'do;' DO BEGIN DELETE FROM t; END",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
            "ALTER EVENT e ON SCHEDULE EVERY 2 DAY DO BEGIN SELECT 1; SELECT 2; END",
            "ALTER EVENT e DISABLE",
            "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END",
            "IF 1 THEN SELECT 1; END IF",
            "FOR i IN 1 .. 3 DO SELECT i; END FOR",
            "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER x AFTER INSERT ON t FOR EACH ROW BEGIN \
             SET @a = 1; SET @b = 2; END */",
            "CREATE FUNCTION f RETURNS STRING SONAME 'f.so'",
            "CREATE INDEX begin ON t (end)",
            "/*!40101 SET NAMES utf8 */",
            "DELIMITER $$ SELECT 1",
            "BEGIN",
        ];
        for statement in whole {
            let source = format!("{statement};\nSELECT 1");
            assert_eq!(texts(&source), [statement, "SELECT 1"], "{statement}");
        }
    }

    #[test]
    fn what_is_not_certain_is_left_to_the_server() {
        #[track_caller]
        fn check(source: &str, last: &str) {
            let script = split(source);
            assert_joins(source, &script);
            let [.., found] = script.statements.as_slice() else { panic!("{script:?}") };
            assert!(matches!(found.reading, Reading::Rest(_)), "{found:?}");
            assert_eq!(found.text, last);
        }
        check("SELECT 1; SELECT 'a; SELECT 2;", "SELECT 'a; SELECT 2");
        check("SELECT 1;; SELECT 2;", "; SELECT 2");
        check("SELECT 1; -- a\n; SELECT 2", "-- a\n; SELECT 2");
        check(
            "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; ",
            "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1",
        );
        check(
            "CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END; END; SELECT 2",
            "CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END; END; SELECT 2",
        );
        check(
            "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $$ return 1; $$; SELECT 1",
            "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $$ return 1; $$; SELECT 1",
        );
        check("SELECT 1 /*! , 2; SELECT 3 */", "SELECT 1 /*! , 2; SELECT 3 */");
        check("SELECT /*! '*/;' */ 1", "SELECT /*! '*/;' */ 1");
        check("SELECT 5 --\u{a0}1; SELECT 2", "SELECT 5 --\u{a0}1; SELECT 2");
    }

    proptest! {
        #[test]
        fn the_parts_join_to_the_source(source in any::<String>()) {
            assert_joins(&source, &split(&source));
        }

        #[test]
        fn so_they_do_for_text_made_of_sql(pieces in proptest::collection::vec(piece(), 0..40)) {
            let source = pieces.concat();
            assert_joins(&source, &split(&source));
        }

        #[test]
        fn statements_are_cut_apart_where_they_were_joined(
            pieces in proptest::collection::vec(statement(), 1..8),
            spaces in proptest::collection::vec("[ \n\t]{0,3}", 8),
        ) {
            let source: String = pieces.iter().zip(&spaces).map(|(piece, space)| format!("{space}{piece};")).collect();
            let script = split(&source);
            assert_joins(&source, &script);
            let found: Vec<&str> = script.statements.iter().map(|statement| statement.text).collect();
            prop_assert_eq!(found, pieces);
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            ";",
            ";",
            " ",
            "\n",
            "'",
            "\"",
            "`",
            "-- ",
            "#",
            "/*",
            "/*!",
            "*/",
            "\\",
            "BEGIN ",
            "END ",
            "CASE ",
            "IF ",
            "THEN ",
            "LOOP ",
            "REPEAT ",
            "CREATE TRIGGER a BEFORE INSERT ON b FOR EACH ROW ",
            "CREATE PROCEDURE p() ",
            "x: ",
            "DECLARE c HANDLER FOR ",
            "SELECT 1",
            "(",
            ")",
            ",",
            "é",
            "$$",
            "DO ",
            "WHILE ",
        ])
        .prop_map(str::to_owned)
    }

    fn statement() -> impl Strategy<Value = String> {
        let simple = prop::sample::select(vec![
            "SELECT 1",
            "-- a;\nSELECT ';'",
            "/* ; */ SELECT \";\\\";\"",
            "# ;\nINSERT INTO t VALUES ('a''b;')",
            "CREATE TABLE `a;b` (id INT)",
            "SET @a = CASE WHEN 1 THEN 2 END",
        ]);
        (simple, body()).prop_flat_map(|(simple, body)| {
            let trigger = format!("CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW {body}");
            prop::sample::select(vec![simple.to_owned(), format!("CREATE PROCEDURE p(a INT) {body}"), trigger])
        })
    }

    fn body() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec!["SET @a = ';'", "SELECT CASE 1 WHEN 2 THEN 3 ELSE 4 END", "DO 1"]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 16, 3, |inner| {
            (proptest::collection::vec(inner, 1..3), 0..6_usize).prop_map(|(statements, form)| {
                let list: String = statements.iter().map(|statement| format!(" {statement};")).collect();
                match form {
                    0 => format!("BEGIN{list} END"),
                    1 => format!("IF 1 THEN{list} ELSE{list} END IF"),
                    2 => format!("CASE 1 WHEN 2 THEN{list} ELSE{list} END CASE"),
                    3 => format!("x: LOOP{list} END LOOP x"),
                    4 => format!("REPEAT{list} UNTIL 1 END REPEAT"),
                    _ => format!("WHILE 1 DO{list} END WHILE"),
                }
            })
        })
    }
}
