//! Which characters a character set has.

use crate::plan::definition::{Column, Definition};

/// The character set of a text column; `None` when nothing says it.
pub(super) fn of(column: &Column, table: &Definition) -> Option<String> {
    let of_collation = |collation: &str| collation.split('_').next().map(str::to_ascii_lowercase);
    let own = column.charset.clone().or_else(|| of_collation(column.collation.as_deref()?));
    let of_table = || {
        let set = table.option("CHARACTER SET").or(table.option("CHARSET")).map(str::to_ascii_lowercase);
        set.or_else(|| of_collation(table.option("COLLATE")?))
    };
    // MariaDB's `uca1400_ai_ci` is a collation of whichever character set there is.
    own.or_else(of_table).filter(|charset| !charset.starts_with("uca"))
}

/// Whether every text of one character set can be written in the other one.
pub(super) fn has_all_of(to: &str, from: &str) -> bool {
    const ALL: [&str; 6] = ["utf8mb4", "utf16", "utf16le", "utf32", "gb18030", "binary"];
    const BASIC_PLANE: [&str; 3] = ["utf8", "utf8mb3", "ucs2"];
    const SMALL: [&str; 5] = ["latin1", "latin2", "latin5", "cp1252", "ascii"];
    to == from
        || ALL.contains(&to)
        || from == "ascii"
        || from == "binary"
        || (BASIC_PLANE.contains(&to) && (BASIC_PLANE.contains(&from) || SMALL.contains(&from)))
}

/// A condition that is true for texts with a character that is not in the other character set. Bytes are compared:
/// collations take some characters for the same, and do not mix.
pub(super) fn not_kept(column: &str, from: &str, to: &str) -> String {
    format!("CAST({column} AS BINARY) <> CAST(CONVERT(CONVERT({column} USING {to}) USING {from}) AS BINARY)")
}
