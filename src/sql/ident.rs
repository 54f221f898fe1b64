//! Identifiers and string literals: the only place that quotes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An identifier, unquoted as it is stored; `Display` quotes it for SQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ident(String);

impl Ident {
    /// Longest identifier both servers take, in characters.
    pub const MAX_CHARS: usize = 64;

    /// An identifier as the server stores it, without quotes.
    pub fn new(name: impl Into<String>) -> Ident {
        Ident(name.into())
    }

    /// The name without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Column and index names compare without case on both servers.
    pub fn same_name(&self, other: &Ident) -> bool {
        self.0.to_lowercase() == other.0.to_lowercase()
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.replace('`', "``"))
    }
}

/// A table with its schema; `Display` quotes both for SQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableName {
    /// The schema (database) it is in.
    pub schema: Ident,
    /// The table's own name.
    pub table: Ident,
}

impl TableName {
    /// Joins schema and table.
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> TableName {
        TableName { schema: Ident::new(schema), table: Ident::new(table) }
    }

    /// `schema.table` without quotes, for people.
    pub fn plain(&self) -> String {
        format!("{}.{}", self.schema.as_str(), self.table.as_str())
    }

    /// The table as one word of a command line, quoted for the shell where it has to be: `shop.Order`, `'shop.a b'`. No
    /// backtick is in it, so it can stand in a command that is between backticks.
    pub fn argument(&self) -> String {
        // What the command line would read in another way has backticks around it there.
        let typed = |name: &Ident| {
            let text = name.as_str();
            let is_read_as_it_is = !text.contains(['.', '`']) && !text.starts_with('-') && text.trim() == text;
            if is_read_as_it_is { text.to_owned() } else { name.to_string() }
        };
        shell_word(&format!("{}.{}", typed(&self.schema), typed(&self.table)))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// A string literal that is safe under every sql_mode: NO_BACKSLASH_ESCAPES changes what a backslash means, so text
/// with one is sent as hexadecimal with its charset.
pub fn string_literal(text: &str) -> String {
    if text.contains(['\\', '\0']) {
        let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        return format!("_utf8mb4 X'{hex}'");
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// A word for bash and zsh. Nothing that a terminal or a reader of the message takes for more than a character is left in
/// it: control characters and backticks are escaped.
fn shell_word(word: &str) -> String {
    let is_bare = |ch: char| ch.is_alphanumeric() || "._-".contains(ch);
    if word.chars().all(is_bare) {
        return word.to_owned();
    }
    if !word.contains(|ch: char| ch.is_control() || ch == '`') {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut escaped = String::new();
    for ch in word.chars() {
        match ch {
            '\'' | '\\' => escaped.extend(['\\', ch]),
            '`' => escaped.push_str("\\x60"),
            _ if ch.is_control() => {
                ch.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| escaped.push_str(&format!("\\x{byte:02x}")));
            }
            _ => escaped.push(ch),
        }
    }
    format!("$'{escaped}'")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;
    use proptest::strategy::ValueTree;

    use super::*;
    use crate::sql::lexer::{TokenKind, tokens};

    /// Names as the servers take them, most of them of what ends quotes somewhere.
    pub(crate) fn hostile_name() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec![
                "`", "``", "'", "''", "\"", "\\", "\\'", "\n", "\r", "\t", "\u{1b}[2J", "*/", "/*", "/*!", "--", "-- ", "#", ";",
                "%", "%s", "_", ".", "$", "$(x)", "!", " ", "@", "{}", "é", "表", "\u{fffd}", "\u{85}", "SELECT", "1", "0x",
            ])
            .prop_map(str::to_owned),
            1 => "[\u{1}-\u{d7ff}]",
        ];
        let name = prop_oneof![
            9 => prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat()),
            // As long as a name can be, in characters and in bytes.
            1 => "[\u{10000}-\u{10ffff}`]{64}",
        ];
        name.prop_filter("no server takes it", |name| !name.ends_with(' ') && name.chars().count() <= Ident::MAX_CHARS)
    }

    proptest! {
        #[test]
        fn a_quoted_name_is_one_token_and_reads_back(name in hostile_name()) {
            let ident = Ident::new(name.clone());
            let source = format!("a {ident}.{ident} b");
            let found = tokens(&source).unwrap();
            let found: Vec<_> = found.iter().filter(|token| !token.is_trivia()).collect();
            prop_assert_eq!(found.len(), 5);
            prop_assert_eq!(found[1].ident(), Some(ident.clone()));
            prop_assert_eq!(found[3].ident(), Some(ident));
        }

        #[test]
        fn a_literal_is_one_string(text in prop_oneof![any::<String>(), hostile_name()]) {
            let literal = string_literal(&text);
            let source = format!("a {literal}, b");
            let found = tokens(&source).unwrap();
            let strings: Vec<_> = found.iter().filter(|token| token.kind == TokenKind::String).collect();
            prop_assert_eq!(strings.len(), 1, "{}", literal);
            // Neither escape character is left, so it is read in the same way under every sql_mode.
            prop_assert!(!literal.contains('\\'));
            match literal.strip_prefix('\'') {
                Some(quoted) => prop_assert_eq!(quoted.strip_suffix('\'').unwrap().replace("''", "'"), text),
                None => {
                    let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
                    prop_assert_eq!(literal, format!("_utf8mb4 X'{hex}'"));
                }
            }
        }
    }

    #[test]
    fn an_argument_is_quoted_only_where_it_has_to_be() {
        let argument = |schema, table| TableName::new(schema, table).argument();
        assert_eq!(argument("shop", "Order"), "shop.Order");
        assert_eq!(argument("shop", "Größe_2-x"), "shop.Größe_2-x");
        assert_eq!(argument("shop", "a b"), "'shop.a b'");
        assert_eq!(argument("shop", "it's"), r"'shop.it'\''s'");
        assert_eq!(argument("shop", "a.b"), r"$'shop.\x60a.b\x60'");
        assert_eq!(argument("-h", "a"), r"$'\x60-h\x60.a'");
        assert_eq!(argument("shop", "a\n`b"), r"$'shop.\x60a\x0a\x60\x60b\x60'");
    }

    /// Many words in one shell: what it makes of them is what was meant.
    #[test]
    fn a_shell_reads_every_argument_as_one_word() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let mut name = || hostile_name().new_tree(&mut runner).unwrap().current();
        let words: Vec<String> = (0..400).map(|_| name()).collect();
        let typed: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
        assert!(typed.iter().all(|word| !word.contains('`') && !word.contains(char::is_control)));
        let script = format!("printf '%s\\0' {}", typed.join(" "));
        let read = Command::new("bash").args(["-c", &script]).output().unwrap();
        let read = String::from_utf8(read.stdout).unwrap();
        let read: Vec<&str> = read.split_terminator('\0').collect();
        assert_eq!(read, words);
    }
}
