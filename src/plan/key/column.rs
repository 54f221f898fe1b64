//! A column of a walked key: how its values are written, and what another type does to their order.

use crate::schema::Column;
use crate::sql::Ident;

/// A column of a [`ChunkKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name in the original.
    pub source: Ident,
    /// Its name in the target.
    pub target: Ident,
    /// How its values are written and compared.
    pub kind: KeyKind,
    /// Whether the original's type has values that the target's cannot hold: one such row stops the change.
    pub narrows: bool,
}

/// How values of a key column are written and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// Integers and YEAR, as numbers.
    Integer,
    /// DECIMAL, as numbers.
    Decimal,
    /// Text of any length, as bytes in its own character set.
    Text {
        /// The character set, a plain word.
        charset: String,
    },
    /// BINARY and VARBINARY, as bytes.
    Binary,
    /// DATE, TIME, DATETIME and TIMESTAMP, as quoted text.
    ///
    /// The session's time zone must be +00:00, and its sql_mode without NO_ZERO_DATE and NO_ZERO_IN_DATE: MySQL refuses
    /// to compare with a zero date otherwise (error 1525).
    Temporal,
    /// BIT, as a number.
    Bit,
    /// ENUM and SET, as the number that orders them.
    Enum,
}

/// How values of the column are written, and about how many bytes one takes; `None` for types that are not walked.
///
/// FLOAT and DOUBLE print fewer digits than they hold, so a bound would miss its own row.
pub(super) fn kind_and_width(column: &Column) -> Option<(KeyKind, u32)> {
    let arguments = type_arguments(&column.column_type);
    let length = || arguments.first().copied().unwrap_or(255);
    Some(match column.data_type.as_str() {
        "year" => (KeyKind::Integer, 1),
        "decimal" | "numeric" => (KeyKind::Decimal, length() / 2 + 1),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            let charset = column.charset.clone().filter(|charset| is_plain_word(charset))?;
            (KeyKind::Text { charset }, length())
        }
        "binary" | "varbinary" => (KeyKind::Binary, length()),
        "date" | "time" | "datetime" | "timestamp" => (KeyKind::Temporal, 8),
        "bit" => (KeyKind::Bit, length() / 8 + 1),
        "enum" | "set" => (KeyKind::Enum, 2),
        integer => (KeyKind::Integer, integer_bits(integer)? / 8),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Narrows {
    Yes,
    No,
}

/// Whether values that fit both types compare in the same way in both, and whether all fit; `None` when they do not
/// compare in the same way.
pub(super) fn compared_the_same(source: &Column, target: &Column) -> Option<Narrows> {
    let (from, to) = (type_arguments(&source.column_type), type_arguments(&target.column_type));
    let same_type = source.data_type == target.data_type;
    let narrows_when = |narrows: bool| Some(if narrows { Narrows::Yes } else { Narrows::No });
    let becomes_unsigned = !is_unsigned(source) && is_unsigned(target);
    match source.data_type.as_str() {
        "decimal" | "numeric" if same_type && from.get(1) == to.get(1) => {
            narrows_when(becomes_unsigned || to.first() < from.first())
        }
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            let same_text = is_text(target) && source.charset == target.charset && source.collation == target.collation;
            let pads_away = target.data_type == "char" && source.data_type != "char" && !pads(target);
            let narrows = text_capacity(target, &to) < text_capacity(source, &from);
            if same_text && !pads_away { narrows_when(narrows) } else { None }
        }
        // BINARY is filled up with zeroes, which count when it is compared.
        "binary" if same_type && from == to => Some(Narrows::No),
        "varbinary" if same_type => narrows_when(to.first() < from.first()),
        "date" | "time" | "datetime" | "timestamp" if same_type && to.first() >= from.first() => Some(Narrows::No),
        "bit" if same_type => narrows_when(to.first() < from.first()),
        "year" if source.column_type == target.column_type => Some(Narrows::No),
        // The log has their texts in the source's collation, which the server does not compare with those of another.
        "enum" | "set" if source.column_type == target.column_type && source.collation == target.collation => {
            Some(Narrows::No)
        }
        integer => {
            let (from, to) = (integer_bits(integer)?, integer_bits(&target.data_type)?);
            let needs_sign_bit = is_unsigned(source) && !is_unsigned(target);
            narrows_when(becomes_unsigned || to < from || (needs_sign_bit && to == from))
        }
    }
}

fn integer_bits(data_type: &str) -> Option<u32> {
    match data_type {
        "tinyint" => Some(8),
        "smallint" => Some(16),
        "mediumint" => Some(24),
        "int" | "integer" => Some(32),
        "bigint" => Some(64),
        _ => None,
    }
}

fn is_text(column: &Column) -> bool {
    ["char", "varchar", "tinytext", "text", "mediumtext", "longtext"].contains(&column.data_type.as_str())
}

fn is_unsigned(column: &Column) -> bool {
    column.column_type.contains("unsigned")
}

/// Whether the collation ignores spaces at the end, which CHAR does not keep.
fn pads(column: &Column) -> bool {
    let collation = column.collation.as_deref().unwrap_or_default();
    !(collation.contains("_0900_") || collation.contains("nopad"))
}

/// About how many characters fit; only compared between two types.
fn text_capacity(column: &Column, arguments: &[u32]) -> u32 {
    match column.data_type.as_str() {
        "tinytext" => 255,
        "text" => 65_535,
        "mediumtext" => 16_777_215,
        "longtext" => u32::MAX,
        _ => arguments.first().copied().unwrap_or(1),
    }
}

/// The numbers in the parentheses of a type: 10 and 2 for `decimal(10,2) unsigned`.
fn type_arguments(column_type: &str) -> Vec<u32> {
    let inner = column_type.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inner, _)| inner);
    inner.split(',').filter_map(|argument| argument.trim().parse().ok()).collect()
}

fn is_plain_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::super::{KeyError, choose_key};
    use super::*;
    use crate::plan::mapping::ColumnMapping;
    use crate::plan::mapping::tests::{column, table, unique};
    use crate::plan::read_clauses;

    /// What becomes of a key on one column whose type changes.
    fn outcome(from: Column, to: Column) -> &'static str {
        let alter = read_clauses("FORCE").unwrap();
        let original = table(vec![from], vec![unique("PRIMARY", &["a"])]);
        let mapping = ColumnMapping::new(&alter, &original, &table(vec![to], Vec::new()));
        match choose_key(&original, &mapping) {
            Ok(key) if key.columns[0].narrows => "narrows",
            Ok(_) => "same",
            Err(KeyError::Converted(_)) => "converted",
            Err(_) => "unfit",
        }
    }

    #[test]
    fn types_that_compare_the_same_keep_the_key() {
        for (from, to, expected) in [
            ("int", "bigint", "same"),
            ("bigint(20)", "int(11)", "narrows"),
            ("int unsigned", "bigint", "same"),
            ("int unsigned", "int", "narrows"),
            ("int", "bigint unsigned", "narrows"),
            ("tinyint(1)", "tinyint(4)", "same"),
            ("int", "varchar(20)", "converted"),
            ("int", "decimal(10,0)", "converted"),
            ("int", "year(4)", "converted"),
            ("year(4)", "smallint", "converted"),
            ("decimal(10,2)", "decimal(12,2)", "same"),
            ("decimal(10,2)", "decimal(8,2)", "narrows"),
            ("decimal(10,2)", "decimal(10,2) unsigned", "narrows"),
            ("decimal(10,2)", "decimal(10,3)", "converted"),
            ("varchar(10)", "varchar(20)", "same"),
            ("varchar(20)", "varchar(10)", "narrows"),
            ("varchar(191)", "text", "same"),
            ("char(36)", "varchar(36)", "same"),
            ("varchar(36)", "char(36)", "same"),
            ("char(36)", "binary(16)", "converted"),
            ("binary(16)", "binary(16)", "same"),
            ("binary(16)", "binary(20)", "converted"),
            ("binary(16)", "varbinary(16)", "converted"),
            ("varbinary(16)", "varbinary(32)", "same"),
            ("datetime(3)", "datetime(3)", "same"),
            ("datetime", "datetime(3)", "same"),
            ("datetime(3)", "datetime", "converted"),
            ("datetime(3)", "timestamp(3)", "converted"),
            ("date", "datetime", "converted"),
            ("bit(8)", "bit(16)", "same"),
            ("bit(16)", "bit(8)", "narrows"),
            ("double", "double", "unfit"),
        ] {
            assert_eq!(outcome(column("a", from), column("a", to)), expected, "{from} -> {to}");
        }
    }

    #[test]
    fn text_keeps_the_key_only_in_one_collation() {
        let collated =
            |column_type, collation: &str| Column { collation: Some(collation.to_owned()), ..column("a", column_type) };
        let general = collated("varchar(9)", "utf8mb4_general_ci");
        assert_eq!(outcome(column("a", "varchar(9)"), general), "converted");
        let nopad = || collated("varchar(9)", "utf8mb4_0900_ai_ci");
        assert_eq!(outcome(nopad(), nopad()), "same");
        // CHAR drops the spaces that this collation tells values apart by.
        assert_eq!(outcome(nopad(), collated("char(9)", "utf8mb4_0900_ai_ci")), "converted");
        let set = |collation| collated("set('a','b')", collation);
        assert_eq!(compared_the_same(&set("utf8mb4_bin"), &set("utf8mb4_bin")), Some(Narrows::No));
        assert_eq!(compared_the_same(&set("utf8mb4_bin"), &set("utf8mb4_general_ci")), None);
        let latin1 = Column { charset: Some("latin1".to_owned()), ..column("a", "varchar(9)") };
        assert_eq!(outcome(latin1, column("a", "varchar(9)")), "converted");
    }
}
