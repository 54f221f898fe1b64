//! Table options, which follow each other with or without commas.

use super::clauses::ClauseKind;
use super::scan::Scan;
use crate::sql::lexer::{Token, TokenKind};

/// Options that need no `=` between name and value; any other word is an option only with one (MariaDB's engines
/// define their own).
const TABLE_OPTIONS: [&str; 34] = [
    "AUTO_INCREMENT",
    "AUTOEXTEND_SIZE",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "COLLATE",
    "COMMENT",
    "COMPRESSION",
    "CONNECTION",
    "DELAY_KEY_WRITE",
    "ENCRYPTED",
    "ENCRYPTION",
    "ENCRYPTION_KEY_ID",
    "ENGINE",
    "ENGINE_ATTRIBUTE",
    "IETF_QUOTES",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "MAX_ROWS",
    "MIN_ROWS",
    "PACK_KEYS",
    "PAGE_CHECKSUM",
    "PAGE_COMPRESSED",
    "PAGE_COMPRESSION_LEVEL",
    "PASSWORD",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "SEQUENCE",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "TABLE_CHECKSUM",
    "TRANSACTIONAL",
    "UNION",
];

/// All of the piece as table options one after the other, `None` when any of it is something else.
pub(super) fn table_options<'t, 'a>(piece: &'t [Token<'a>]) -> Option<Vec<(ClauseKind, &'t [Token<'a>])>> {
    let mut options = Vec::new();
    let mut rest = piece;
    while !rest.is_empty() {
        let mut scan = Scan::new(rest);
        let kind = table_option(&mut scan)?;
        let (option, behind) = rest.split_at(rest.len() - scan.tokens.len());
        options.push((kind, option));
        rest = behind;
    }
    Some(options)
}

fn table_option(scan: &mut Scan<'_, '_>) -> Option<ClauseKind> {
    let default = scan.word("DEFAULT");
    if scan.word("CHARSET") || scan.words(&["CHARACTER", "SET"]) {
        let value = scan.option_value()?;
        // The collation says more about the character set: together they are one option.
        let mut collation = *scan;
        collation.word("DEFAULT");
        if collation.word("COLLATE") {
            collation.option_value()?;
            *scan = collation;
        }
        return Some(ClauseKind::TableOption { name: "CHARACTER SET".to_owned(), value });
    }
    for name in ["DATA DIRECTORY", "INDEX DIRECTORY"] {
        let words: Vec<&str> = name.split(' ').collect();
        if scan.words(&words) {
            return Some(ClauseKind::TableOption { name: name.to_owned(), value: scan.option_value()? });
        }
    }
    let name = scan.next()?;
    let known = TABLE_OPTIONS.iter().any(|option| name.is_word(option));
    let with_equals = scan.is_next(TokenKind::Equals) && name.ident().is_some();
    let how_not_what = name.is_word("ALGORITHM") || name.is_word("LOCK");
    if how_not_what || !(known || with_equals) || (default && !name.is_word("COLLATE")) {
        return None;
    }
    let value = scan.option_value()?;
    if name.is_word("AUTO_INCREMENT") {
        return Some(ClauseKind::AutoIncrement);
    }
    Some(ClauseKind::TableOption { name: name.text.to_ascii_uppercase(), value })
}
