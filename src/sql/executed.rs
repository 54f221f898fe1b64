//! What a server executes of a text: everything but comments, with what is in executable comments.

use super::lexer::{Token, TokenKind, significant};

/// The tokens that the parser of a server sees, those in executable comments included.
pub fn executed_tokens<'a>(all: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut seen = Vec::with_capacity(all.len());
    for token in all {
        match token.kind {
            TokenKind::Space | TokenKind::Comment => {}
            TokenKind::ExecutableComment => {
                let (offset, inner) = inside_comment(token);
                seen.extend(significant(inner).into_iter().map(|inner| Token { start: inner.start + offset, ..inner }));
            }
            _ => seen.push(*token),
        }
    }
    seen
}

/// What an executable comment executes, and where in the script that is.
pub(super) fn inside_comment<'a>(comment: &Token<'a>) -> (usize, &'a str) {
    let behind_mark = comment.text.trim_start_matches("/*M!").trim_start_matches("/*!");
    let inner = behind_mark.trim_start_matches(|ch: char| ch.is_ascii_digit());
    (comment.end() - inner.len(), inner.strip_suffix("*/").unwrap_or(inner))
}
