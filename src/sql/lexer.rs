//! Tokens with byte spans, so that a piece of a statement can be cut out of the source exactly as it was typed.
//!
//! Invariant: the spans of the tokens tile the source, whitespace and comments included.
//! The text of a token is always a slice of the source; nothing is rendered back from a token, because that changes
//! string literals.
//!
//! The reading is that of a session without ANSI_QUOTES and NO_BACKSLASH_ESCAPES.
//! Where sqlparser's tokenizer and the servers disagree about where a token ends, the source is refused.

use std::any::TypeId;

use sqlparser::dialect::{Dialect, MySqlDialect};
use sqlparser::tokenizer::{Location, Token as RawToken, TokenWithSpan, Tokenizer, TokenizerError, Whitespace};

use super::Ident;

/// What a token is, as far as reading clauses and splitting statements needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or an identifier without quotes.
    Word,
    /// An identifier in backticks.
    QuotedIdent,
    /// A string of any form, its prefix included: `'a'`, `"a"`, `N'a'`, `X'61'`, `b'0'`.
    String,
    /// A number, `0xFF` included.
    Number,
    /// `,`
    Comma,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `.`
    Period,
    /// `;`
    Semicolon,
    /// `=`
    Equals,
    /// One or more characters of whitespace.
    Space,
    /// A comment of any form, to the end of the line without its newline or to `*/`.
    Comment,
    /// `/*! … */` or `/*M! … */`, only from [`leading_tokens`].
    ExecutableComment,
    /// Any other operator or character.
    Other,
}

/// A token and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// Its source text.
    pub text: &'a str,
    /// Byte offset of its first byte in the source.
    pub start: usize,
}

/// Why a source cannot be cut into tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LexError {
    /// `/*! … */` or `/*M! … */`: what it says depends on the server that reads it.
    #[error(
        "executable comment `{text}` means different SQL on different servers; write what it contains without the comment"
    )]
    ExecutableComment {
        /// Its beginning.
        text: String,
        /// Byte offset in the source.
        offset: usize,
    },
    /// Something is open at the end, or a character has no place where it stands.
    #[error("{message} at line {line}, column {column}")]
    Malformed {
        /// What is wrong.
        message: String,
        /// Line, counted from 1.
        line: u64,
        /// Column in characters, counted from 1.
        column: u64,
    },
    /// The servers would end this token elsewhere.
    #[error("`{text}` is read differently by the server; {advice}")]
    Ambiguous {
        /// The token.
        text: String,
        /// How to write it so that there is one reading.
        advice: &'static str,
        /// Byte offset in the source.
        offset: usize,
    },
}

impl<'a> Token<'a> {
    /// Byte offset behind its last byte.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is whitespace or a comment.
    pub fn is_trivia(&self) -> bool {
        matches!(self.kind, TokenKind::Space | TokenKind::Comment)
    }

    /// Whether it is that keyword, without quotes and in any case.
    pub fn is_word(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// The identifier it spells, quoted or not.
    pub fn ident(&self) -> Option<Ident> {
        match self.kind {
            TokenKind::Word => Some(Ident::new(self.text)),
            TokenKind::QuotedIdent => {
                let inner = self.text.strip_prefix('`')?.strip_suffix('`')?;
                Some(Ident::new(inner.replace("``", "`")))
            }
            _ => None,
        }
    }
}

/// Cuts a source into tokens that tile it.
///
/// # Errors
/// Executable comments, unterminated strings, identifiers or comments, and the few forms whose end the tokenizer and
/// the servers see in different places.
pub fn tokens(source: &str) -> Result<Vec<Token<'_>>, LexError> {
    let (tokens, error) = leading_tokens(source);
    // An executable comment is named before whatever broke behind it, which it often caused.
    if let Some(token) = tokens.iter().find(|token| token.kind == TokenKind::ExecutableComment) {
        return Err(LexError::ExecutableComment { text: shorten(token.text), offset: token.start });
    }
    error.map_or(Ok(tokens), Err)
}

/// The tokens in front of the first place where the source cannot be read further, and why it cannot.
///
/// They tile the source up to there. Executable comments are tokens here, not errors.
pub fn leading_tokens(source: &str) -> (Vec<Token<'_>>, Option<LexError>) {
    let mut raw = Vec::new();
    let outcome = Tokenizer::new(&ServerDialect, source).with_unescape(false).tokenize_with_location_into_buf(&mut raw);
    let (tokens, ambiguous) = locate(source, &raw);
    let malformed = |error: TokenizerError| LexError::Malformed {
        message: error.message,
        line: error.location.line,
        column: error.location.column,
    };
    (tokens, ambiguous.or_else(|| outcome.err().map(malformed)))
}

/// The tokens of [`leading_tokens`] without whitespace and comments.
pub fn significant(source: &str) -> Vec<Token<'_>> {
    leading_tokens(source).0.into_iter().filter(|token| !token.is_trivia()).collect()
}

/// MySQL's lexical rules without one: executable comments stay comments, with right spans, and are refused here.
#[derive(Debug)]
struct ServerDialect;

impl Dialect for ServerDialect {
    // The tokenizer asks for the type of the dialect in places where it has no method to ask.
    fn dialect(&self) -> TypeId {
        TypeId::of::<MySqlDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        MySqlDialect {}.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        MySqlDialect {}.is_identifier_part(ch)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`'
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn supports_numeric_prefix(&self) -> bool {
        true
    }

    fn requires_single_line_comment_whitespace(&self) -> bool {
        true
    }
}

fn locate<'a>(source: &'a str, raw: &[TokenWithSpan]) -> (Vec<Token<'a>>, Option<LexError>) {
    let mut cursor = Cursor { rest: source, offset: 0, at: Location { line: 1, column: 1 } };
    let mut tokens: Vec<Token<'a>> = Vec::with_capacity(raw.len());
    for TokenWithSpan { token, span } in raw {
        let start = cursor.offset;
        let text = cursor.advance_to(span.end);
        let token = Token { kind: kind_of(token, text), text, start };
        if let Some(error) = other_reading(source, &token, tokens.last()) {
            return (tokens, Some(error));
        }
        tokens.push(token);
    }
    (tokens, None)
}

/// Turns the tokenizer's lines and columns, which count characters, into byte offsets in one pass.
struct Cursor<'a> {
    rest: &'a str,
    offset: usize,
    at: Location,
}

impl<'a> Cursor<'a> {
    fn advance_to(&mut self, end: Location) -> &'a str {
        let mut length = 0;
        for ch in self.rest.chars() {
            if self.at >= end {
                break;
            }
            if ch == '\n' {
                self.at = Location { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
            length += ch.len_utf8();
        }
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.offset += length;
        text
    }
}

fn kind_of(token: &RawToken, text: &str) -> TokenKind {
    match token {
        RawToken::Whitespace(Whitespace::MultiLineComment(_))
            if text.starts_with("/*!") || text.starts_with("/*M!") =>
        {
            TokenKind::ExecutableComment
        }
        RawToken::Word(word) if word.quote_style.is_some() => TokenKind::QuotedIdent,
        RawToken::Word(_) => TokenKind::Word,
        RawToken::Number(..) => TokenKind::Number,
        RawToken::SingleQuotedString(_)
        | RawToken::DoubleQuotedString(_)
        | RawToken::NationalStringLiteral(_)
        | RawToken::SingleQuotedByteStringLiteral(_)
        | RawToken::DoubleQuotedByteStringLiteral(_)
        | RawToken::HexStringLiteral(_) => TokenKind::String,
        RawToken::Comma => TokenKind::Comma,
        RawToken::LParen => TokenKind::LeftParen,
        RawToken::RParen => TokenKind::RightParen,
        RawToken::Period => TokenKind::Period,
        RawToken::SemiColon => TokenKind::Semicolon,
        RawToken::Eq => TokenKind::Equals,
        RawToken::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {
            TokenKind::Comment
        }
        RawToken::Whitespace(_) => TokenKind::Space,
        _ => TokenKind::Other,
    }
}

/// Names the places where the tokenizer and the servers see different tokens.
fn other_reading(source: &str, token: &Token<'_>, previous: Option<&Token<'_>>) -> Option<LexError> {
    let ambiguous = |advice| Some(LexError::Ambiguous { text: shorten(token.text), advice, offset: token.start });
    match token.kind {
        // The servers start a `--` comment at ASCII whitespace and control characters only.
        TokenKind::Comment
            if token.text.strip_prefix("--").is_some_and(|rest| rest.starts_with(|ch: char| !ch.is_ascii())) =>
        {
            ambiguous("put a space behind `--`")
        }
        TokenKind::Other if token.text == "-" && previous.is_some_and(|p| p.text == "-" && p.end() == token.start) => {
            match source[token.end()..].chars().next() {
                Some(next) if !next.is_ascii_control() => None,
                _ => ambiguous("put a space behind `--`"),
            }
        }
        // `b'…'` is a bit literal for the servers only when it holds bits, else a word and a string with escapes.
        TokenKind::String if token.text.starts_with(['b', 'B']) && token.text.contains('\\') => {
            ambiguous("write the string without a prefix")
        }
        _ => None,
    }
}

fn shorten(text: &str) -> String {
    const ENOUGH_TO_FIND_IT: usize = 40;
    if text.chars().count() <= ENOUGH_TO_FIND_IT {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(ENOUGH_TO_FIND_IT).collect();
    format!("{beginning}…")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(source: &str) -> Vec<(TokenKind, &str)> {
        tokens(source).unwrap().into_iter().filter(|t| !t.is_trivia()).map(|t| (t.kind, t.text)).collect()
    }

    #[test]
    fn strings_end_where_the_server_ends_them() {
        for string in [
            r"'it''s'",
            r"'it\'s'",
            r"'\\'",
            r#""a'b""#,
            r#""a""b""#,
            "'a;b'",
            "'-- no'",
            "N'x'",
            "X'61'",
            "b'01'",
            "'naïve 東'",
            "''",
            r#""\"""#,
            "0xFF",
            "'%\\_'",
        ] {
            let source = format!("a {string} b");
            let found = kinds(&source);
            assert_eq!(found.len(), 3, "{string}: {found:?}");
            assert_eq!(found[1].1, string);
            assert_eq!(found[1].0, TokenKind::String, "{string}");
        }
    }

    #[test]
    fn identifiers_lose_their_quotes_and_keep_their_case() {
        let found = tokens("`a``b` C 1abc d$1").unwrap();
        let idents: Vec<String> =
            found.iter().filter_map(Token::ident).map(|ident| ident.as_str().to_owned()).collect();
        assert_eq!(idents, ["a`b", "C", "1abc", "d$1"]);
    }

    #[test]
    fn comments_are_trivia() {
        for source in ["a /* b; ' */ c", "a -- b\n c", "a # b '\n c", "a --\n c", "a /*+ hint */ c", "a /**/ c"] {
            assert_eq!(kinds(source), [(TokenKind::Word, "a"), (TokenKind::Word, "c")], "{source}");
        }
    }

    #[test]
    fn two_minus_signs_alone_are_an_expression() {
        assert_eq!(kinds("5--1").len(), 4);
    }

    #[test]
    fn executable_comments_are_refused_where_they_start() {
        for source in ["é /*!80023 x */ b", "é /*M!100100 x */", "é /*! it's open */ '", "é /*!*/"] {
            match tokens(source) {
                Err(LexError::ExecutableComment { offset, .. }) => assert_eq!(offset, 3, "{source}"),
                other => panic!("{source}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_the_servers_read_differently_is_refused() {
        for source in ["a --\u{a0}b", "a --\u{1}b", "a --", r"b'\' x'", r#"b"\" x""#] {
            assert!(matches!(tokens(source), Err(LexError::Ambiguous { .. })), "{source:?}: {:?}", tokens(source));
        }
    }

    #[test]
    fn what_is_open_at_the_end_is_refused() {
        for source in ["'a", "\"a", "`a", "/* a", "x 'a\\'"] {
            assert!(matches!(tokens(source), Err(LexError::Malformed { .. })), "{source}");
        }
    }

    fn assert_tiles(source: &str, found: &[Token<'_>]) {
        let mut end = 0;
        for token in found {
            assert_eq!(token.start, end);
            assert!(!token.text.is_empty());
            assert_eq!(token.text, &source[token.start..token.end()]);
            end = token.end();
        }
        assert_eq!(end, source.len());
    }

    proptest! {
        #[test]
        fn spans_tile_any_text(source in any::<String>()) {
            if let Ok(found) = tokens(&source) {
                assert_tiles(&source, &found);
            }
        }

        #[test]
        fn spans_tile_text_made_of_sql(pieces in proptest::collection::vec(sql_piece(), 0..40)) {
            let source = pieces.concat();
            if let Ok(found) = tokens(&source) {
                assert_tiles(&source, &found);
            }
        }
    }

    fn sql_piece() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(vec![
                "'",
                "\"",
                "`",
                "\\",
                "--",
                "-- ",
                "#",
                "/*",
                "*/",
                "/*!",
                "\n",
                "\r",
                "\r\n",
                "\t",
                " ",
                ",",
                "(",
                ")",
                ";",
                ".",
                "=",
                "0x",
                "x'",
                "b'",
                "N'",
                "e5",
                "1",
                "._a",
                "@",
                "@@",
                "$",
                "$$",
                "->>",
                "<=>",
                ":=",
                "||",
                "&&",
                "é",
                "東",
                "\u{1F600}",
                "\u{a0}",
                "\0",
                "ADD",
                "a",
            ])
            .prop_map(str::to_owned),
            "[a-z0-9_]{1,5}",
        ]
    }
}
