//! Which unique key a table is walked by, and why that is safe.
//!
//! Invariant: the key orders and tells apart rows in the same way on both sides.
//! So a bound that the original's rows were cut with cuts the target's rows at the same place, and no two rows of the
//! original are one row for the target.

mod column;

use std::fmt;

pub use self::column::{KeyColumn, KeyKind};
use self::column::{Narrows, compared_the_same, kind_and_width};
use super::mapping::ColumnMapping;
use crate::schema::{Column, Index, Table};
use crate::sql::Ident;

/// The unique key of the original that chunks are cut by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkKey {
    /// Its name, `PRIMARY` for the primary key.
    pub index: Ident,
    /// Its columns in the order of the index.
    pub columns: Vec<KeyColumn>,
}

/// Why no key can be walked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no unique key.
    #[error("the table has no primary key and no unique key, so its rows cannot be told apart")]
    NoUniqueKey,
    /// There are unique keys, and each has something that makes it unfit.
    #[error("no unique key of the table can be walked: {}", list(.0))]
    NotWalkable(Vec<UnfitKey>),
    /// There is a key that could be walked, were it not for the change itself.
    #[error("the change leaves no unique key that compares the same before and after: {}", list(.0))]
    Converted(Vec<UnfitKey>),
}

/// A unique key and why it is not walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfitKey {
    /// The key.
    pub index: Ident,
    /// Why not.
    pub reason: Unfit,
}

/// What makes a unique key unfit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// Not a B-tree, so it has no order.
    Unordered {
        /// What it is.
        kind: String,
    },
    /// It is INVISIBLE or IGNORED, so that no statement can be told to use it.
    Unusable,
    /// A part is an expression.
    Expression,
    /// A part is the beginning of a column only.
    Prefix {
        /// Which.
        column: Ident,
    },
    /// NULL is outside of every range.
    Nullable {
        /// Which.
        column: Ident,
    },
    /// Values of the type do not survive as text, or have no order to rely on.
    Type {
        /// Which.
        column: Ident,
        /// Its type.
        column_type: String,
    },
    /// An ENUM or SET in front: comparing its number reads the whole index.
    LeadingEnum {
        /// Which.
        column: Ident,
    },
    /// The change drops it, or makes it a generated column.
    Dropped {
        /// Which.
        column: Ident,
    },
    /// The change gives it a type that compares in another way.
    Converted {
        /// Which.
        column: Ident,
        /// Its type now.
        from: String,
        /// Its type then.
        to: String,
    },
}

/// Chooses the key to walk: the primary key when it is fit, else the first one that is.
///
/// InnoDB keeps the rows in the order of the first whose columns take no NULL. And a row that two keys of an INSERT … ON
/// DUPLICATE KEY UPDATE meet is looked for by the first, so they must not change places: the walked key stays while the
/// others are made anew.
///
/// # Errors
/// No unique key, or none that is fit, each with its reason.
pub fn choose_key(original: &Table, mapping: &ColumnMapping) -> Result<ChunkKey, KeyError> {
    let (fit, unfit) = walkable_keys(original, mapping);
    first_of(fit, unfit)
}

/// The key that a run has walked since it began, by its name; versions that did not note it chose the one with the fewest
/// and then narrowest columns.
///
/// # Errors
/// As [`choose_key`]; that key may have become unfit.
pub fn noted_key(noted: Option<&str>, original: &Table, mapping: &ColumnMapping) -> Result<ChunkKey, KeyError> {
    let (mut fit, unfit) = walkable_keys(original, mapping);
    match noted.map(Ident::new) {
        Some(noted) => fit.retain(|key| key.index.same_name(&noted)),
        None => fit.sort_by_cached_key(|key| {
            let width = |key: &KeyColumn| original.column(&key.source).and_then(kind_and_width).map(|(_, width)| width);
            let width: u32 = key.columns.iter().filter_map(width).sum();
            (!key.is_primary(), key.columns.len(), width, key.index.clone())
        }),
    }
    first_of(fit, unfit)
}

fn first_of(fit: Vec<ChunkKey>, unfit: Vec<UnfitKey>) -> Result<ChunkKey, KeyError> {
    if let Some(key) = fit.into_iter().next() {
        return Ok(key);
    }
    if unfit.is_empty() {
        return Err(KeyError::NoUniqueKey);
    }
    let by_change = |key: &UnfitKey| matches!(key.reason, Unfit::Dropped { .. } | Unfit::Converted { .. });
    if unfit.iter().any(by_change) {
        return Err(KeyError::Converted(unfit.into_iter().filter(by_change).collect()));
    }
    Err(KeyError::NotWalkable(unfit))
}

/// Every key that can be walked, in the server's order, and every unique key that cannot.
pub fn walkable_keys(original: &Table, mapping: &ColumnMapping) -> (Vec<ChunkKey>, Vec<UnfitKey>) {
    let (mut fit, mut unfit) = (Vec::new(), Vec::new());
    for index in original.indexes.iter().filter(|index| index.unique) {
        match fit_key(index, original, mapping) {
            Ok(key) => fit.push(key),
            Err(reason) => unfit.push(UnfitKey { index: index.name.clone(), reason }),
        }
    }
    fit.sort_by_key(|key| !key.is_primary());
    (fit, unfit)
}

impl ChunkKey {
    /// Whether it is the primary key.
    pub fn is_primary(&self) -> bool {
        self.index.as_str().eq_ignore_ascii_case("PRIMARY")
    }

    /// The original's columns, quoted.
    pub fn source_columns(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.source.to_string()).collect()
    }

    /// The target's columns, quoted.
    pub fn target_columns(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.target.to_string()).collect()
    }
}

fn fit_key(index: &Index, original: &Table, mapping: &ColumnMapping) -> Result<ChunkKey, Unfit> {
    if !index.kind.eq_ignore_ascii_case("BTREE") {
        return Err(Unfit::Unordered { kind: index.kind.clone() });
    }
    if !index.usable {
        return Err(Unfit::Unusable);
    }
    let mut columns: Vec<KeyColumn> = Vec::new();
    for part in &index.parts {
        let column = part.column.as_ref().and_then(|name| original.column(name)).ok_or(Unfit::Expression)?;
        if part.prefix.is_some() {
            return Err(Unfit::Prefix { column: column.name.clone() });
        }
        let key_column = fit_column(column, mapping)?;
        if columns.is_empty() && key_column.kind == KeyKind::Enum {
            return Err(Unfit::LeadingEnum { column: column.name.clone() });
        }
        columns.push(key_column);
    }
    Ok(ChunkKey { index: index.name.clone(), columns })
}

fn fit_column(column: &Column, mapping: &ColumnMapping) -> Result<KeyColumn, Unfit> {
    let name = || column.name.clone();
    if column.nullable {
        return Err(Unfit::Nullable { column: name() });
    }
    let (kind, _) = kind_and_width(column)
        .ok_or_else(|| Unfit::Type { column: name(), column_type: column.column_type.clone() })?;
    let target = mapping.target_of(&column.name).ok_or_else(|| Unfit::Dropped { column: name() })?;
    let narrows = compared_the_same(column, target).ok_or_else(|| Unfit::Converted {
        column: name(),
        from: described(column),
        to: described(target),
    })?;
    Ok(KeyColumn { source: name(), target: target.name.clone(), kind, narrows: narrows == Narrows::Yes })
}

fn described(column: &Column) -> String {
    match &column.collation {
        Some(collation) => format!("{} collate {collation}", column.column_type),
        None => column.column_type.clone(),
    }
}

fn list(keys: &[UnfitKey]) -> String {
    keys.iter().map(UnfitKey::to_string).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for UnfitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}: {}", self.index, self.reason)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Unordered { kind } => write!(f, "an index of type {kind} has no order"),
            Unfit::Unusable => write!(f, "it is invisible or ignored, so no statement can use it"),
            Unfit::Expression => write!(f, "a part is an expression"),
            Unfit::Prefix { column } => write!(f, "only the beginning of column {column} is indexed"),
            Unfit::Nullable { column } => write!(f, "column {column} can be NULL"),
            Unfit::Type { column, column_type } => write!(f, "column {column} is {column_type}"),
            Unfit::LeadingEnum { column } => write!(f, "column {column} in front is ENUM or SET"),
            Unfit::Dropped { column } => write!(f, "column {column} is dropped or generated"),
            Unfit::Converted { column, from, to } => write!(f, "column {column} changes from {from} to {to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::mapping::tests::{column, table, unique};
    use super::super::read_clauses;
    use super::*;
    use crate::schema::IndexPart;

    fn unchanged(table: &Table) -> ColumnMapping {
        ColumnMapping::new(&read_clauses("FORCE").unwrap(), table, table)
    }

    #[track_caller]
    fn chosen(table: &Table) -> String {
        choose_key(table, &unchanged(table)).map_or_else(|error| error.to_string(), |key| key.index.as_str().to_owned())
    }

    #[test]
    fn the_primary_key_comes_first_then_the_servers_first() {
        let columns =
            || vec![column("a", "int"), column("b", "bigint"), column("c", "varchar(64)"), column("d", "int")];
        let all = [
            unique("wide", &["c"]),
            unique("pair", &["a", "b"]),
            unique("PRIMARY", &["a", "c", "d"]),
            unique("big", &["b"]),
        ];
        assert_eq!(chosen(&table(columns(), all.to_vec())), "PRIMARY");
        assert_eq!(chosen(&table(columns(), [&all[..2], &all[3..]].concat())), "wide");
        let nullable = Column { nullable: true, ..column("c", "varchar(64)") };
        let columns = vec![column("a", "int"), column("b", "bigint"), nullable, column("d", "int")];
        assert_eq!(chosen(&table(columns, [&all[..2], &all[3..]].concat())), "pair");
    }

    #[test]
    fn a_run_keeps_its_key() {
        let columns = vec![column("a", "int"), column("b", "bigint"), column("c", "varchar(64)")];
        let keys = vec![unique("wide", &["c"]), unique("pair", &["a", "b"]), unique("big", &["b"])];
        let table = table(columns, keys);
        let noted = |noted| noted_key(noted, &table, &unchanged(&table)).map(|key| key.index.as_str().to_owned());
        assert_eq!(noted(Some("pair")), Ok("pair".to_owned()));
        assert_eq!(noted(None), Ok("big".to_owned()), "as versions chose that noted none");
        assert_eq!(noted(Some("gone")), Err(KeyError::NoUniqueKey));
    }

    #[test]
    fn the_unique_pair_of_an_implicit_many_to_many_table_will_do() {
        let mut pair =
            table(vec![column("A", "int"), column("B", "varchar(191)")], vec![unique("_AToB_AB_unique", &["A", "B"])]);
        pair.indexes.push(Index { unique: false, ..unique("_AToB_B_index", &["B"]) });
        let key = choose_key(&pair, &unchanged(&pair)).unwrap();
        assert_eq!(key.index.as_str(), "_AToB_AB_unique");
        assert_eq!(key.columns[1].kind, KeyKind::Text { charset: "utf8mb4".to_owned() });
    }

    #[test]
    fn unfit_keys_say_why() {
        #[track_caller]
        fn check(columns: Vec<Column>, index: Index, message: &str) {
            let message = format!("no unique key of the table can be walked: key `k`: {message}");
            assert_eq!(chosen(&table(columns, vec![index])), message);
        }
        let nullable = Column { nullable: true, ..column("a", "int") };
        let key = || unique("k", &["a"]);
        check(vec![nullable], key(), "column `a` can be NULL");
        check(vec![column("a", "double")], key(), "column `a` is double");
        check(vec![column("a", "float(10,2)")], key(), "column `a` is float(10,2)");
        check(vec![column("a", "enum('x')")], key(), "column `a` in front is ENUM or SET");
        check(
            vec![column("a", "longtext")],
            Index { kind: "HASH".to_owned(), ..key() },
            "an index of type HASH has no order",
        );
        let prefix = IndexPart { column: Some(Ident::new("a")), prefix: Some(3) };
        check(
            vec![column("a", "text")],
            Index { parts: vec![prefix], ..key() },
            "only the beginning of column `a` is indexed",
        );
        let expression = IndexPart { column: None, prefix: None };
        check(vec![column("a", "int")], Index { parts: vec![expression], ..key() }, "a part is an expression");
        let odd_charset = Column { charset: Some("x' OR 1".to_owned()), ..column("a", "char(3)") };
        check(vec![odd_charset], key(), "column `a` is char(3)");
    }

    #[test]
    fn no_key_and_only_plain_indexes_are_the_same() {
        let message = "the table has no primary key and no unique key, so its rows cannot be told apart";
        assert_eq!(chosen(&table(vec![column("a", "int")], Vec::new())), message);
        let plain = Index { unique: false, ..unique("k", &["a"]) };
        assert_eq!(chosen(&table(vec![column("a", "int")], vec![plain])), message);
    }

    #[test]
    fn an_enum_behind_the_leading_column_will_do() {
        let both = vec![column("a", "int"), column("e", "enum('x','y')")];
        assert_eq!(chosen(&table(both, vec![unique("PRIMARY", &["a", "e"])])), "PRIMARY");
    }

    #[test]
    fn a_converted_key_gives_way_to_the_next() {
        let original =
            table(vec![column("a", "int"), column("b", "int")], vec![unique("PRIMARY", &["a"]), unique("k", &["b"])]);
        let target = table(vec![column("a", "varchar(9)"), column("c", "int")], vec![unique("other", &["c"])]);
        let alter = read_clauses("MODIFY a VARCHAR(9), CHANGE b c INT").unwrap();
        let mapping = ColumnMapping::new(&alter, &original, &target);
        let key = choose_key(&original, &mapping).unwrap();
        assert_eq!((key.index.as_str(), key.columns[0].target.as_str()), ("k", "c"));

        let alter = read_clauses("MODIFY a VARCHAR(9), DROP b").unwrap();
        let target = table(vec![column("a", "varchar(9)")], Vec::new());
        let error = choose_key(&original, &ColumnMapping::new(&alter, &original, &target)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the change leaves no unique key that compares the same before and after: key `PRIMARY`: column `a` \
             changes from int to varchar(9) collate utf8mb4_unicode_ci; key `k`: column `b` is dropped or generated"
        );
    }
}
