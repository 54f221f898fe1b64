//! Where a statement ends: stored programs have semicolons of their own.
//!
//! Follows the servers' grammar only as far as it decides which semicolon ends the statement: the heads of CREATE
//! TRIGGER, PROCEDURE, FUNCTION and EVENT, MariaDB's compound statements outside of programs, and inside of them the
//! blocks that have an END.
//! BEGIN and END are no reserved words, so both are looked for only where the grammar can have them.

use super::lexer::{Token, TokenKind};

/// Why the end of a statement cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Endless {
    /// A body whose blocks do not close, or not in the order they were opened.
    #[error("the body of the stored program does not end")]
    Open,
    /// A body in another language, or a form whose body is not known here.
    #[error("the body of the stored program is not one that replank reads")]
    Foreign,
}

/// Index of the semicolon that ends the statement which the tokens begin with, or their number.
///
/// The tokens are those without whitespace and comments, up to the end of the script.
pub fn end_of_statement(tokens: &[Token<'_>]) -> Result<usize, Endless> {
    match body_start(tokens)? {
        Some(start) => Body { tokens, at: start, open: Vec::new() }.end(),
        None => Ok(tokens.iter().position(|token| token.kind == TokenKind::Semicolon).unwrap_or(tokens.len())),
    }
}

/// Where the statement of the body begins, for statements that have one.
fn body_start(tokens: &[Token<'_>]) -> Result<Option<usize>, Endless> {
    let word = |index: usize, keyword: &str| tokens.get(index).is_some_and(|token| token.is_word(keyword));
    if word(0, "BEGIN") {
        return Ok(word(1, "NOT").then_some(0));
    }
    let outside = ["IF", "CASE", "LOOP", "REPEAT", "WHILE", "FOR"];
    if outside.iter().any(|keyword| word(0, keyword)) || is_label(tokens, 0) {
        return Ok(Some(0));
    }
    if !word(0, "CREATE") && !word(0, "ALTER") {
        return Ok(None);
    }
    // `OR REPLACE`, `DEFINER = user@host` and AGGREGATE may stand in front of what is made.
    const LONGEST_HEAD: usize = 12;
    let kinds = ["TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE", "TABLE", "VIEW", "INDEX", "DATABASE"];
    let head = statement_part(tokens).len().min(LONGEST_HEAD);
    let Some(kind) = (1..head).find(|&at| kinds.iter().any(|keyword| word(at, keyword))) else {
        return Ok(None);
    };
    let rest = &tokens[kind + 1..];
    let start = match tokens[kind].text.to_ascii_uppercase().as_str() {
        "TRIGGER" => trigger_body(rest),
        "EVENT" => event_body(rest),
        "PROCEDURE" if word(0, "CREATE") => routine_body(rest, false)?,
        "FUNCTION" if word(0, "CREATE") => routine_body(rest, true)?,
        "PACKAGE" => return Err(Endless::Foreign),
        _ => None,
    };
    Ok(start.map(|start| kind + 1 + start))
}

fn is_label(tokens: &[Token<'_>], at: usize) -> bool {
    let is_name = |token: &Token<'_>| matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent);
    matches!(tokens.get(at..at + 2), Some([name, colon]) if is_name(name) && colon.text == ":")
}

/// Behind FOR EACH ROW, and behind FOLLOWS or PRECEDES another trigger.
fn trigger_body(tokens: &[Token<'_>]) -> Option<usize> {
    let is_each_row =
        |three: &[Token<'_>]| three[0].is_word("FOR") && three[1].is_word("EACH") && three[2].is_word("ROW");
    let body = statement_part(tokens).windows(3).position(is_each_row)? + 3;
    let ordered = tokens.get(body).is_some_and(|token| token.is_word("FOLLOWS") || token.is_word("PRECEDES"));
    Some(if ordered { body + 2 } else { body })
}

/// Behind DO.
fn event_body(tokens: &[Token<'_>]) -> Option<usize> {
    statement_part(tokens).iter().position(|token| token.is_word("DO")).map(|at| at + 1)
}

/// Behind the parameters, the type of a function's result, and the characteristics.
fn routine_body(tokens: &[Token<'_>], function: bool) -> Result<Option<usize>, Endless> {
    let Some(open) = statement_part(tokens).iter().position(|token| token.kind == TokenKind::LeftParen) else {
        // A loadable function has a SONAME and no parameters.
        return Ok(None);
    };
    let mut at = behind_parentheses(tokens, open);
    if function && tokens.get(at).is_some_and(|token| token.is_word("RETURNS")) {
        let prefix =
            ["NATIONAL", "LONG"].iter().any(|word| tokens.get(at + 1).is_some_and(|token| token.is_word(word)));
        at += if prefix && tokens.get(at + 2).is_some_and(is_text_type) { 3 } else { 2 };
    }
    while let Some(token) = tokens.get(at) {
        let length = match token.text.to_ascii_uppercase().as_str() {
            "AS" | "IS" => return Err(Endless::Foreign),
            // The length of a type, or the values of an ENUM.
            "(" => behind_parentheses(tokens, at) - at,
            "UNSIGNED" | "SIGNED" | "ZEROFILL" | "BINARY" | "PRECISION" | "VARYING" | "ASCII" | "UNICODE" | "BYTE" => 1,
            "NOT" | "DETERMINISTIC" => 1,
            "CHARSET" | "COLLATE" | "COMMENT" => 2,
            "CHARACTER" => 3,
            "CHAR" if tokens.get(at + 1).is_some_and(|next| next.is_word("SET")) => 3,
            "LANGUAGE" if !tokens.get(at + 1).is_some_and(|next| next.is_word("SQL")) => {
                return Err(Endless::Foreign);
            }
            "LANGUAGE" | "CONTAINS" | "NO" => 2,
            "READS" | "MODIFIES" | "SQL" => 3,
            _ => return Ok(Some(at)),
        };
        at += length;
    }
    Ok(None)
}

/// What may stand behind NATIONAL or LONG in the name of a type.
fn is_text_type(token: &Token<'_>) -> bool {
    ["CHAR", "CHARACTER", "VARCHAR", "VARCHARACTER", "VARBINARY"].iter().any(|word| token.is_word(word))
}

/// The tokens up to the first semicolon: no head has one.
fn statement_part<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let end = tokens.iter().position(|token| token.kind == TokenKind::Semicolon).unwrap_or(tokens.len());
    &tokens[..end]
}

fn behind_parentheses(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// What an END is still to come for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Begin,
    If,
    /// The statement, which ends with END CASE.
    Case,
    /// The expression, which ends with END.
    CaseExpression,
    Loop,
    Repeat,
    While,
    For,
}

struct Body<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    open: Vec<Block>,
}

impl Body<'_, '_> {
    fn end(mut self) -> Result<usize, Endless> {
        let mut at_start = true;
        while let Some(token) = self.tokens.get(self.at) {
            if token.kind == TokenKind::Semicolon {
                match self.open.last() {
                    None => return Ok(self.at),
                    Some(Block::CaseExpression) => return Err(Endless::Open),
                    Some(_) => at_start = true,
                }
                self.at += 1;
            } else if at_start {
                at_start = self.statement_start()?;
            } else {
                at_start = self.inside();
            }
        }
        if self.open.is_empty() { Ok(self.tokens.len()) } else { Err(Endless::Open) }
    }

    fn word(&self, ahead: usize, keyword: &str) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|token| token.is_word(keyword))
    }

    /// Takes the first words of a statement; whether another statement starts behind them.
    fn statement_start(&mut self) -> Result<bool, Endless> {
        if is_label(self.tokens, self.at) {
            self.at += 2;
            return Ok(true);
        }
        let opens = [
            ("BEGIN", Block::Begin, true),
            ("LOOP", Block::Loop, true),
            ("REPEAT", Block::Repeat, true),
            ("IF", Block::If, false),
            ("CASE", Block::Case, false),
            ("WHILE", Block::While, false),
            ("FOR", Block::For, false),
        ];
        if let Some(&(_, block, starts)) = opens.iter().find(|(keyword, ..)| self.word(0, keyword)) {
            self.open.push(block);
            self.at += if self.word(1, "NOT") && self.word(2, "ATOMIC") { 3 } else { 1 };
            return Ok(starts);
        }
        if self.word(0, "END") {
            return self.close().map(|()| false);
        }
        if self.word(0, "ELSE") {
            self.at += 1;
            return Ok(true);
        }
        if self.word(0, "DECLARE") && self.word(2, "HANDLER") {
            return Ok(self.handler());
        }
        // Without moving on, so that `END` in `UNTIL done END REPEAT` and CASE in `SET` are seen.
        Ok(self.inside())
    }

    /// `DECLARE EXIT HANDLER FOR SQLEXCEPTION, 1062, SQLSTATE '23000'`: the conditions, not the statement behind them.
    fn handler(&mut self) -> bool {
        self.at += if self.word(3, "FOR") { 4 } else { 3 };
        loop {
            let length = if self.word(0, "NOT") {
                2
            } else if self.word(0, "SQLSTATE") {
                if self.word(1, "VALUE") { 3 } else { 2 }
            } else {
                1
            };
            self.at += length;
            match self.tokens.get(self.at) {
                Some(token) if token.kind == TokenKind::Comma => self.at += 1,
                _ => return true,
            }
        }
    }

    /// Takes one token that is not the first of a statement; whether a statement starts behind it.
    fn inside(&mut self) -> bool {
        let innermost = self.open.last().copied();
        if self.word(0, "CASE") && !self.is_behind_period() {
            self.open.push(Block::CaseExpression);
        } else if self.word(0, "END") {
            if innermost == Some(Block::CaseExpression) && self.ends_an_expression() {
                self.open.pop();
            } else if innermost == Some(Block::Repeat) && self.word(1, "REPEAT") {
                self.open.pop();
                self.at += 1;
            }
        } else if self.word(0, "THEN") && matches!(innermost, Some(Block::If | Block::Case))
            || self.word(0, "DO") && matches!(innermost, Some(Block::While | Block::For))
            // Behind the cases of a CASE statement.
            || self.word(0, "ELSE") && innermost == Some(Block::Case)
        {
            self.at += 1;
            return true;
        }
        self.at += 1;
        false
    }

    fn is_behind_period(&self) -> bool {
        self.at > 0 && self.tokens[self.at - 1].kind == TokenKind::Period
    }

    /// Whether END can stand here: something that ends an expression must be in front of it.
    fn ends_an_expression(&self) -> bool {
        let before = &self.tokens[self.at - 1];
        let operators = ["CASE", "WHEN", "THEN", "ELSE", "AND", "OR", "NOT", "XOR", "LIKE", "BETWEEN", "DIV", "MOD"];
        match before.kind {
            TokenKind::Word => !operators.iter().any(|keyword| before.is_word(keyword)),
            TokenKind::QuotedIdent | TokenKind::String | TokenKind::Number | TokenKind::RightParen => true,
            _ => false,
        }
    }

    /// Takes `END`, `END IF` and so on at the start of a statement.
    fn close(&mut self) -> Result<(), Endless> {
        let block = self.open.pop().ok_or(Endless::Open)?;
        let second = match block {
            Block::Begin => None,
            Block::If => Some("IF"),
            Block::Case => Some("CASE"),
            Block::Loop => Some("LOOP"),
            Block::Repeat => Some("REPEAT"),
            Block::While => Some("WHILE"),
            Block::For => Some("FOR"),
            Block::CaseExpression => return Err(Endless::Open),
        };
        match second {
            Some(keyword) if !self.word(1, keyword) => Err(Endless::Open),
            Some(_) => {
                self.at += 2;
                Ok(())
            }
            None => {
                self.at += 1;
                Ok(())
            }
        }
    }
}
