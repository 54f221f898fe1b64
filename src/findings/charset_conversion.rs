//! A character set with other bytes for each character.

use super::case::Case;
use super::{Hit, Level, Rule};
use crate::plan::ClauseKind;
use crate::plan::definition::{Column, Definition};

pub(super) const RULE: Rule = Rule {
    name: "charset_conversion",
    about: "another character set rewrites every text, changes how long rows and index entries may be, and how values \
            compare and join",
    fix: "convert every table that is joined by text together, and look at the lengths of indexed columns first",
    level: Level::Warn,
    check,
};

/// What an index entry of InnoDB may have, in bytes.
const LONGEST_INDEX_ENTRY: u64 = 3072;

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (index, change, clause) in case.clauses() {
        let ClauseKind::ConvertCharset { charset } = &clause.kind else { continue };
        let table = change.table.table.as_str();
        let mut text = format!("every text column of `{table}` is converted to {charset}");
        if let Some(before) = &case.steps[index].before {
            let from = before.option("CHARACTER SET").or(before.option("CHARSET")).unwrap_or("its own").to_lowercase();
            if let (Some(from_bytes), Some(to_bytes)) = (bytes(&from), bytes(charset))
                && from_bytes != to_bytes
            {
                text.push_str(&format!(", from {from_bytes} to {to_bytes} bytes for a character at most"));
                if let Some(long) = too_long(before, to_bytes) {
                    text.push_str(&format!("; the index {long} would be longer than {LONGEST_INDEX_ENTRY} bytes"));
                }
            }
        }
        hits.push(Hit::told(index, text));
    }
    for change in case.changes() {
        for (from, to) in change.redefined() {
            let (Some(before), Some(after)) = (&from.charset, &to.charset) else { continue };
            if before != after {
                let column = from.name.as_str();
                hits.push(Hit::told(
                    change.index,
                    format!("`{column}` of {} is converted from {before} to {after}", change.name()),
                ));
            }
        }
    }
    hits
}

fn too_long(table: &Definition, bytes: u64) -> Option<String> {
    let part = |name: &crate::sql::Ident, prefix: Option<&String>| {
        let column: &Column = table.column(name)?;
        let length = prefix.map_or_else(|| column.length(), |prefix| prefix.parse().ok());
        Some(if column.is_text() { length? * bytes } else { 8 })
    };
    let long = |index: &&crate::plan::definition::Index| {
        let sizes: Option<Vec<u64>> = index.parts.iter().map(|p| part(&p.column, p.prefix.as_ref())).collect();
        index.is_ordered() && sizes.is_some_and(|sizes| sizes.iter().sum::<u64>() > LONGEST_INDEX_ENTRY)
    };
    table.indexes.iter().find(long).map(|index| format!("`{}`", index.name.as_str()))
}

/// The most bytes of a character.
fn bytes(charset: &str) -> Option<u64> {
    Some(match charset {
        "latin1" | "ascii" | "binary" | "latin2" | "cp1252" => 1,
        "ucs2" | "gbk" | "sjis" | "big5" => 2,
        "utf8" | "utf8mb3" | "ujis" => 3,
        "utf8mb4" | "utf16" | "utf32" | "gb18030" => 4,
        _ => return None,
    })
}
