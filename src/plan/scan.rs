//! The significant tokens of one statement, read from the left.
//!
//! Invariant: a method that asks for words or one kind of token takes nothing when it does not find them, so that a
//! reading can try one form after the other.

use super::clauses::{ClauseError, TableRef};
use crate::sql::Ident;
use crate::sql::lexer::{self, Token, TokenKind};

/// What is still to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'t, 'a> {
    pub(super) tokens: &'t [Token<'a>],
}

impl<'t, 'a> Scan<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>]) -> Scan<'t, 'a> {
        Scan { tokens }
    }

    pub(super) fn at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn next(&mut self) -> Option<&'t Token<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    pub(super) fn is_next(&self, kind: TokenKind) -> bool {
        self.tokens.first().is_some_and(|token| token.kind == kind)
    }

    pub(super) fn is_next_word(&self, keyword: &str) -> bool {
        self.tokens.first().is_some_and(|token| token.is_word(keyword))
    }

    pub(super) fn kind(&mut self, kind: TokenKind) -> bool {
        let found = self.is_next(kind);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn word(&mut self, keyword: &str) -> bool {
        self.words(&[keyword])
    }

    pub(super) fn words(&mut self, keywords: &[&str]) -> bool {
        let found = self.tokens.len() >= keywords.len()
            && keywords.iter().zip(self.tokens).all(|(keyword, token)| token.is_word(keyword));
        if found {
            self.tokens = &self.tokens[keywords.len()..];
        }
        found
    }

    pub(super) fn if_exists(&mut self) -> bool {
        self.words(&["IF", "EXISTS"])
    }

    pub(super) fn if_not_exists(&mut self) -> bool {
        self.words(&["IF", "NOT", "EXISTS"])
    }

    pub(super) fn ident(&mut self) -> Option<Ident> {
        let ident = self.tokens.first()?.ident()?;
        self.next();
        Some(ident)
    }

    /// `t` or `s.t`.
    pub(super) fn table_name(&mut self) -> Option<TableRef> {
        let first = self.ident()?;
        if !self.kind(TokenKind::Period) {
            return Some(TableRef { schema: None, table: first });
        }
        Some(TableRef { schema: Some(first), table: self.ident()? })
    }

    /// What is between the parentheses that come next.
    pub(super) fn parentheses(&mut self) -> Option<&'t [Token<'a>]> {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate() {
            match token.kind {
                TokenKind::LeftParen => depth += 1,
                TokenKind::RightParen => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                let inner = self.tokens.get(1..index)?;
                self.tokens = &self.tokens[index + 1..];
                return Some(inner);
            }
        }
        None
    }

    /// A column's name with something behind it that can be a type; the definition itself is the server's to read.
    pub(super) fn column_definition(&mut self) -> Option<Ident> {
        let name = self.ident()?;
        self.is_next(TokenKind::Word).then_some(name)
    }

    /// `[IF NOT EXISTS] [name] [USING type] (parts)`, and the columns among the parts.
    pub(super) fn index_columns(&mut self) -> Option<(Option<Ident>, Vec<Ident>)> {
        self.if_not_exists();
        let name = if self.is_next_word("USING") { None } else { self.ident() };
        if self.word("USING") {
            self.next()?;
        }
        let parts = self.parentheses()?;
        let columns = list_items(parts).into_iter().filter_map(|part| part.first()?.ident()).collect();
        Some((name, columns))
    }

    /// `[=] value`, a parenthesised value included.
    pub(super) fn option_value(&mut self) -> Option<String> {
        self.kind(TokenKind::Equals);
        if self.is_next(TokenKind::LeftParen) {
            let inner = self.parentheses()?;
            return Some(inner.iter().map(|token| token.text).collect::<Vec<_>>().join(" "));
        }
        let value = self.next()?;
        matches!(value.kind, TokenKind::Word | TokenKind::QuotedIdent | TokenKind::Number | TokenKind::String)
            .then(|| value.text.to_owned())
    }
}

impl TableRef {
    /// `t` or `s.t` at the beginning, and what is behind it.
    pub(crate) fn read<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(TableRef, &'t [Token<'a>])> {
        let mut scan = Scan::new(tokens);
        let table = scan.table_name()?;
        Some((table, scan.tokens))
    }
}

/// The tokens of one statement without whitespace, comments and the semicolons at its end.
pub(super) fn significant_tokens(text: &str) -> Result<Vec<Token<'_>>, ClauseError> {
    let mut tokens: Vec<Token<'_>> = lexer::tokens(text)?.into_iter().filter(|token| !token.is_trivia()).collect();
    if let Some(semicolon) = tokens.iter().position(|token| token.kind == TokenKind::Semicolon) {
        if let Some(behind) = tokens[semicolon..].iter().find(|token| token.kind != TokenKind::Semicolon) {
            return Err(ClauseError::SecondStatement { text: beginning(&text[behind.start..]) });
        }
        tokens.truncate(semicolon);
    }
    refuse_unbalanced(text, &tokens)?;
    Ok(tokens)
}

/// The source from the first of the tokens to the last.
pub(super) fn text_of<'a>(source: &'a str, tokens: &[Token<'_>]) -> Option<&'a str> {
    Some(&source[tokens.first()?.start..tokens.last()?.end()])
}

/// Where a message says that something is missing.
pub(super) fn place(source: &str, tokens: &[Token<'_>]) -> String {
    match tokens.first() {
        Some(token) => format!("before `{}`", beginning(&source[token.start..])),
        None => "at the end".to_owned(),
    }
}

fn beginning(text: &str) -> String {
    const ENOUGH_TO_FIND_IT: usize = 40;
    let text = text.trim_end();
    match text.char_indices().nth(ENOUGH_TO_FIND_IT) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

fn refuse_unbalanced(source: &str, tokens: &[Token<'_>]) -> Result<(), ClauseError> {
    let mut open = Vec::new();
    for token in tokens {
        match token.kind {
            TokenKind::LeftParen => open.push(token.start),
            TokenKind::RightParen if open.pop().is_none() => {
                return Err(ClauseError::Unbalanced { text: beginning(&source[token.start..]) });
            }
            _ => {}
        }
    }
    match open.first() {
        Some(&start) => Err(ClauseError::Unbalanced { text: beginning(&source[start..]) }),
        None => Ok(()),
    }
}

/// Where the commas outside of parentheses are, and the end.
pub(super) fn top_level_ends(tokens: &[Token<'_>]) -> impl Iterator<Item = usize> {
    let mut depth = 0_usize;
    let commas = tokens.iter().enumerate().filter_map(move |(index, token)| {
        match token.kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        (token.kind == TokenKind::Comma && depth == 0).then_some(index)
    });
    commas.chain([tokens.len()])
}

/// The items between the commas of a list, nested parentheses kept whole.
pub(super) fn list_items<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut start = 0;
    let item = |end| {
        let item = &tokens[start..end];
        start = end + 1;
        item
    };
    top_level_ends(tokens).map(item).collect()
}
