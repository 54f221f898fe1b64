//! A column's definition: its type and what else decides what a change of it does.

use crate::plan::scan::{Scan, list_items, text_of};
use crate::sql::Ident;
use crate::sql::lexer::{Token, TokenKind};

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Everything behind the name, without FIRST and AFTER.
    pub text: String,
    /// The type without its arguments, lower case and by its first name: `int` for INTEGER.
    pub data_type: String,
    /// What is in the type's parentheses: `["10", "2"]`, `["'a'", "'b'"]`.
    pub arguments: Vec<String>,
    /// Whether it is UNSIGNED.
    pub unsigned: bool,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// The default as typed; `None` when it has none, a nullable column's NULL included.
    pub default: Option<String>,
    /// Whether it counts up by itself.
    pub auto_increment: bool,
    /// Whether it is computed from others: `Some(true)` when it is stored.
    pub generated: Option<bool>,
    /// Its own character set, lower case.
    pub charset: Option<String>,
    /// Its own collation, lower case.
    pub collation: Option<String>,
    /// Whether the definition makes an index or another constraint besides the column.
    pub inline_key: bool,
    /// Where FIRST or AFTER puts it.
    pub place: Option<Place>,
}

/// Where a column goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `FIRST`.
    First,
    /// `AFTER a`.
    After(Ident),
}

impl Column {
    /// Reads `name TYPE …`.
    pub(in crate::plan) fn read(source: &str, tokens: &[Token<'_>]) -> Option<Column> {
        let mut scan = Scan::new(tokens);
        let name = scan.ident()?;
        let mut behind = scan.tokens;
        let place = take_place(&mut behind);
        let text = text_of(source, behind)?.to_owned();
        let mut scan = Scan::new(behind);
        let first = scan.next()?.text.to_ascii_lowercase();
        let mut column = Column {
            name,
            text,
            data_type: canonical(&first).to_owned(),
            arguments: Vec::new(),
            unsigned: false,
            nullable: true,
            default: None,
            auto_increment: false,
            generated: None,
            charset: None,
            collation: None,
            inline_key: false,
            place,
        };
        match first.as_str() {
            "bool" | "boolean" => column.arguments = vec!["1".to_owned()],
            "double" => {
                scan.word("PRECISION");
            }
            "national" => {
                let varying = scan.next()?.is_word("VARCHAR") | scan.word("VARYING");
                column.data_type = if varying { "varchar" } else { "char" }.to_owned();
            }
            "char" | "character" if scan.word("VARYING") => column.data_type = "varchar".to_owned(),
            "long" => {
                let binary = scan.word("VARBINARY");
                scan.word("VARCHAR");
                column.data_type = if binary { "mediumblob" } else { "mediumtext" }.to_owned();
            }
            "serial" => {
                (column.unsigned, column.nullable) = (true, false);
                (column.auto_increment, column.inline_key) = (true, true);
            }
            _ => {}
        }
        if scan.is_next(TokenKind::LeftParen) {
            let inner = scan.parentheses()?;
            column.arguments =
                list_items(inner).iter().filter_map(|item| text_of(source, item)).map(str::to_owned).collect();
        }
        column.attributes(source, scan);
        Some(column)
    }

    fn attributes(&mut self, source: &str, mut scan: Scan<'_, '_>) {
        while !scan.at_end() {
            if scan.word("UNSIGNED") || scan.word("ZEROFILL") {
                self.unsigned = true;
            } else if scan.words(&["NOT", "NULL"]) {
                self.nullable = false;
            } else if scan.word("NULL") {
                self.nullable = true;
            } else if scan.word("DEFAULT") {
                let value = default_value(source, &mut scan);
                self.default = value.filter(|value| !value.eq_ignore_ascii_case("NULL"));
            } else if scan.words(&["ON", "UPDATE"]) {
                default_value(source, &mut scan);
            } else if scan.word("AUTO_INCREMENT") {
                self.auto_increment = true;
            } else if scan.word("COLLATE") {
                scan.kind(TokenKind::Equals);
                self.collation = scan.next().map(bare_word);
            } else if scan.word("CHARSET") || scan.words(&["CHARACTER", "SET"]) {
                self.charset = scan.next().map(bare_word);
            } else if scan.word("COMMENT") {
                scan.next();
            } else if scan.word("AS") {
                scan.parentheses();
                self.generated = Some(scan.word("STORED") || scan.word("PERSISTENT"));
            } else if scan.word("CHECK") {
                scan.parentheses();
            } else if scan.words(&["PRIMARY", "KEY"]) || scan.word("PRIMARY") {
                (self.inline_key, self.nullable) = (true, false);
            } else if scan.word("UNIQUE") || scan.word("KEY") || scan.word("REFERENCES") {
                self.inline_key = true;
            } else {
                scan.next();
            }
        }
    }

    /// The type as people read it: `varchar(191)`.
    pub fn type_label(&self) -> String {
        let arguments = match self.arguments.as_slice() {
            [] => String::new(),
            some => format!("({})", some.join(", ")),
        };
        let unsigned = if self.unsigned { " unsigned" } else { "" };
        format!("{}{arguments}{unsigned}", self.data_type)
    }

    /// Whether two definitions have the same type, widths that only matter for display left out.
    pub fn same_type(&self, other: &Column) -> bool {
        let is_integer = integer_bytes(&self.data_type).is_some();
        let tail = |column: &Column| if is_integer { Vec::new() } else { column.arguments.clone() };
        self.data_type == other.data_type && self.unsigned == other.unsigned && tail(self) == tail(other)
    }

    /// The length in the type's parentheses.
    pub fn length(&self) -> Option<u64> {
        self.arguments.first()?.parse().ok()
    }

    /// Whether it is text, which has a character set.
    pub fn is_text(&self) -> bool {
        matches!(self.data_type.as_str(), "char" | "varchar" | "enum" | "set") || self.data_type.ends_with("text")
    }
}

/// Bytes of an integer type.
pub fn integer_bytes(data_type: &str) -> Option<u32> {
    Some(match data_type {
        "tinyint" => 1,
        "smallint" => 2,
        "mediumint" => 3,
        "int" => 4,
        "bigint" => 8,
        _ => return None,
    })
}

fn canonical(data_type: &str) -> &str {
    match data_type {
        "integer" | "int4" => "int",
        "bool" | "boolean" | "int1" => "tinyint",
        "int2" => "smallint",
        "int3" | "middleint" => "mediumint",
        "int8" | "serial" => "bigint",
        "dec" | "numeric" | "fixed" => "decimal",
        "real" | "float8" => "double",
        "float4" => "float",
        "character" | "nchar" => "char",
        "nvarchar" | "varcharacter" => "varchar",
        other => other,
    }
}

fn bare_word(token: &Token<'_>) -> String {
    token.text.trim_matches(['`', '\'', '"']).to_ascii_lowercase()
}

/// `'x'`, `-1`, `_utf8mb4'x'`, `CURRENT_TIMESTAMP(3)`, `(uuid())`.
fn default_value(source: &str, scan: &mut Scan<'_, '_>) -> Option<String> {
    let start = scan.tokens;
    if scan.is_next(TokenKind::LeftParen) {
        scan.parentheses()?;
    } else {
        let first = scan.next()?;
        if matches!(first.text, "-" | "+") || (first.text.starts_with('_') && scan.is_next(TokenKind::String)) {
            scan.next()?;
        }
        if scan.is_next(TokenKind::LeftParen) {
            scan.parentheses()?;
        }
    }
    text_of(source, &start[..start.len() - scan.tokens.len()]).map(str::to_owned)
}

/// Takes FIRST or AFTER off the end.
fn take_place(tokens: &mut &[Token<'_>]) -> Option<Place> {
    match *tokens {
        [rest @ .., after, column] if after.is_word("AFTER") && column.ident().is_some() => {
            let place = column.ident().map(Place::After);
            *tokens = rest;
            place
        }
        [rest @ .., first] if !rest.is_empty() && first.is_word("FIRST") => {
            *tokens = rest;
            Some(Place::First)
        }
        _ => None,
    }
}
