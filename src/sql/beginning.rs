//! How a statement is shown: its beginning, without what may be a secret. Pure.

use super::lexer::{Token, TokenKind, leading_tokens};

/// Characters of a statement that are told.
const LONGEST_TEXT: usize = 80;

/// What a statement is, on one line: without the comments in front of it, and only up to its first literal or
/// executable comment, in which a password may be.
pub fn beginning(text: &str) -> String {
    let tokens = leading_tokens(text).0;
    let shown: Vec<&Token<'_>> = tokens
        .iter()
        .skip_while(|token| token.is_trivia())
        .take_while(|token| !matches!(token.kind, TokenKind::Comment | TokenKind::ExecutableComment))
        .take_while(|token| token.kind != TokenKind::String && !is_bytes(token))
        .collect();
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else { return String::new() };
    let words: Vec<&str> = text[first.start..last.end()].split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_TEXT).collect()
}

/// `0x7333`, `0b01`: a string written as a number.
fn is_bytes(token: &Token<'_>) -> bool {
    let prefixed = token.text.as_bytes().get(..2).is_some_and(|prefix| matches!(prefix, b"0x" | b"0X" | b"0b" | b"0B"));
    matches!(token.kind, TokenKind::Number | TokenKind::Word) && prefixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_told_without_its_strings() {
        assert_eq!(beginning("-- AlterTable\nALTER TABLE `T`\n    ADD x INT"), "ALTER TABLE `T` ADD x INT");
        assert_eq!(beginning("CREATE USER a IDENTIFIED BY 's3cr3t'"), "CREATE USER a IDENTIFIED BY");
        assert_eq!(beginning("-- nothing"), "");
    }

    #[test]
    fn no_form_of_a_secret_is_told() {
        for text in [
            "CREATE USER a IDENTIFIED BY \"s3cr3t\"",
            "CREATE USER a /*!50700 IDENTIFIED BY 's3cr3t' */",
            "CREATE USER a /*M!100000 IDENTIFIED BY 's3cr3t' */",
            "CREATE USER a IDENTIFIED WITH p AS 0x733363723374",
            "CREATE USER a IDENTIFIED WITH p AS X'733363723374'",
            "CREATE USER a IDENTIFIED BY N's3cr3t'",
            // The process list may end anywhere.
            "CREATE USER a IDENTIFIED BY 's3cr3t",
            "CREATE USER a /*!50700 IDENTIFIED BY 's3cr3t",
            "CREATE USER a /* s3cr3t",
        ] {
            let told = beginning(text);
            assert!(told.starts_with("CREATE USER a"), "{text}: {told}");
            assert!(!told.contains("s3cr3t") && !told.contains("7333"), "{text}: {told}");
        }
        assert_eq!(beginning("/*!50700 CREATE USER a IDENTIFIED BY 's3cr3t' */"), "");
    }
}
