//! Names of everything a run makes on the server.
//!
//! Invariant: every name sorts behind the name it is made from, byte by byte, and has at most 64 characters.
//! The servers take metadata locks in the order of names, schema first; a shadow table or a change log that is locked
//! before the original loses writes or deadlocks with them.

use sha2::{Digest, Sha256};

use crate::sql::{Ident, TableName, file_name};

/// The names for one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifacts {
    /// The shadow table, in the original's schema.
    pub shadow: Ident,
    /// The original after the swap, in the original's schema.
    pub old: Ident,
    /// The original after the cleanup, in the bookkeeping schema.
    pub kept: Ident,
    /// The change log, in the bookkeeping schema.
    pub log: Ident,
    /// The change log of the reverse direction, in the bookkeeping schema.
    pub reverse_log: Ident,
    /// The triggers that log the original's changes.
    pub triggers: TriggerNames,
    /// The triggers that log the changes of the new table after the swap.
    pub reverse_triggers: TriggerNames,
    /// The triggers that write rows to the old table right after the swap.
    pub row_triggers: TriggerNames,
}

/// Names of three triggers, in the schema of their table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerNames {
    /// AFTER INSERT.
    pub insert: Ident,
    /// AFTER UPDATE.
    pub update: Ident,
    /// AFTER DELETE.
    pub delete: Ident,
}

/// Why there is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name leaves no room for a longer one, and no shorter one sorts behind it.
    #[error("no name of {} characters that begins like {original} sorts behind it", Ident::MAX_CHARS)]
    NoRoom {
        /// The name.
        original: Ident,
    },
    /// The configured bookkeeping schema sorts before the table's schema.
    #[error(
        "the bookkeeping schema {bookkeeping} sorts before {schema}, and locks are taken in the order of names; \
         choose a name that sorts behind, such as {suggestion}"
    )]
    SortsBefore {
        /// The configured schema.
        bookkeeping: Ident,
        /// The table's schema.
        schema: Ident,
        /// A name that would do.
        suggestion: Ident,
    },
    /// The configured name is longer than a name may be.
    #[error("the schema name {name} is longer than {} characters", Ident::MAX_CHARS)]
    TooLong {
        /// The name.
        name: Ident,
    },
}

impl Artifacts {
    /// The names for a table.
    ///
    /// # Errors
    /// No name sorts behind the table's.
    pub fn new(table: &TableName) -> Result<Artifacts, NameError> {
        let name = |suffix| derived_name(&table.table, suffix);
        Ok(Artifacts {
            shadow: name("__rpk_new")?,
            old: name("__rpk_old")?,
            kept: name("__rpk_old")?,
            log: name("__rpk_log")?,
            reverse_log: name("__rpk_rlog")?,
            triggers: TriggerNames {
                insert: name("__rpk_ins")?,
                update: name("__rpk_upd")?,
                delete: name("__rpk_del")?,
            },
            reverse_triggers: TriggerNames {
                insert: name("__rpk_rins")?,
                update: name("__rpk_rupd")?,
                delete: name("__rpk_rdel")?,
            },
            row_triggers: TriggerNames {
                insert: name("__rpk_mins")?,
                update: name("__rpk_mupd")?,
                delete: name("__rpk_mdel")?,
            },
        })
    }
}

impl Artifacts {
    /// The names for a table whose bookkeeping is in a schema that may serve several others: what is made there then
    /// says which schema it belongs to, because two of them may have a table of one name.
    ///
    /// # Errors
    /// No name sorts behind the table's.
    pub fn kept_in(table: &TableName, bookkeeping: &Ident) -> Result<Artifacts, NameError> {
        let base = kept_base(table, bookkeeping);
        Ok(Artifacts {
            kept: derived_name(&base, "__rpk_old")?,
            log: derived_name(&base, "__rpk_log")?,
            reverse_log: derived_name(&base, "__rpk_rlog")?,
            ..Artifacts::new(table)?
        })
    }

    /// The names of the way back: the old table waits where the swap left it, the new one goes back to where it was
    /// made, and what logged the new table's writes now feeds the old one. The table that is given up is kept under the
    /// run's number, because the next change of the table may keep one, too.
    ///
    /// # Errors
    /// No name sorts behind the table's.
    pub fn of_the_way_back(table: &TableName, bookkeeping: &Ident, run: u64) -> Result<Artifacts, NameError> {
        let forward = Artifacts::kept_in(table, bookkeeping)?;
        Ok(Artifacts {
            shadow: forward.old,
            old: forward.shadow,
            kept: derived_name(&kept_base(table, bookkeeping), &format!("__rpk_new{run}"))?,
            log: forward.reverse_log,
            reverse_log: forward.log,
            triggers: forward.reverse_triggers,
            reverse_triggers: forward.triggers,
            row_triggers: forward.row_triggers,
        })
    }
}

/// Bytes of a file's name without its suffix: derived names may have as many as that of the original, because those of
/// partitions are put behind, but within these. File systems have room for 255, and MariaDB puts up to five behind.
const FILE_BYTES: (usize, usize) = (180, 250);

/// What names in the bookkeeping schema begin with.
fn kept_base(table: &TableName, bookkeeping: &Ident) -> Ident {
    if *bookkeeping == table.schema || derived_name(&table.schema, "__replank").as_ref() == Ok(bookkeeping) {
        return table.table.clone();
    }
    let base = table.plain();
    if table.schema.as_str().contains('.') || table.table.as_str().contains('.') {
        // `a.b`.`c` and `a`.`b.c` are two tables.
        return Ident::new(format!("{base}~{}", hash(&table.to_string())));
    }
    Ident::new(base)
}

/// Where values of the old table that the new one does not have are put aside.
///
/// # Errors
/// No name sorts behind the table's.
pub fn aside_name(table: &TableName, bookkeeping: &Ident) -> Result<TableName, NameError> {
    let name = derived_name(&kept_base(table, bookkeeping), "__rpk_aside")?;
    Ok(TableName { schema: bookkeeping.clone(), table: name })
}

/// The schema for bookkeeping: the configured one, or `<schema>__replank`.
///
/// The table's own schema may be configured.
///
/// # Errors
/// The configured name sorts before the schema or is too long, or no derived name sorts behind the schema.
pub fn bookkeeping_schema(schema: &Ident, configured: Option<&str>) -> Result<Ident, NameError> {
    let Some(configured) = configured else { return derived_name(schema, "__replank") };
    let bookkeeping = Ident::new(configured);
    if configured.chars().count() > Ident::MAX_CHARS {
        return Err(NameError::TooLong { name: bookkeeping });
    }
    if configured.as_bytes() < schema.as_str().as_bytes() {
        let suggestion = derived_name(schema, "__replank")?;
        return Err(NameError::SortsBefore { bookkeeping, schema: schema.clone(), suggestion });
    }
    Ok(bookkeeping)
}

/// `original` with a suffix, sorting behind it: cut and hashed when there is no room, in the name or in that of its file.
///
/// # Errors
/// There is no room and no cut that keeps the order.
pub fn derived_name(original: &Ident, suffix: &str) -> Result<Ident, NameError> {
    let name = original.as_str();
    let most = file_name::encoded(name).len().clamp(FILE_BYTES.0, FILE_BYTES.1);
    let fits = |name: &str| name.chars().count() <= Ident::MAX_CHARS && file_name::encoded(name).len() <= most;
    let whole = format!("{name}{suffix}");
    if fits(&whole) {
        return Ok(Ident::new(whole));
    }
    let hash = hash(name);
    let cuts: Vec<(usize, char)> = name.char_indices().collect();
    // Nothing in ASCII sorts behind `~` but the control character DEL; behind the fullwidth tilde there are only
    // halfwidth forms and specials. The longest beginning that one of the two can end is kept.
    for (cut, replaced) in cuts.into_iter().rev() {
        if let Some(separator) = ['~', '\u{FF5E}'].into_iter().find(|&separator| replaced < separator) {
            let shortened = format!("{}{separator}{hash}{suffix}", &name[..cut]);
            if fits(&shortened) {
                return Ok(Ident::new(shortened));
            }
        }
    }
    Err(NameError::NoRoom { original: original.clone() })
}

/// 48 bits: two long names with one beginning would have to collide in them.
fn hash(name: &str) -> String {
    Sha256::digest(name).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a trigger of the application on the new table, by its place among those of its table, until it can have
/// its own.
pub fn staged_trigger(table: &TableName, index: usize) -> Ident {
    double_of_trigger(table, &format!("__rpk_user{index}"))
}

/// The same on the old table, from shortly before the swap.
pub fn muted_trigger(table: &TableName, index: usize) -> Ident {
    double_of_trigger(table, &format!("__rpk_mute{index}"))
}

/// In ASCII only: it is sent in whatever encoding the trigger was made with.
fn double_of_trigger(table: &TableName, suffix: &str) -> Ident {
    match derived_name(&table.table, suffix) {
        Ok(name) if name.as_str().is_ascii() => name,
        _ => {
            let digest = Sha256::digest(table.plain());
            let table: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
            Ident::new(format!("rpk_{table}{suffix}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all_names(artifacts: &Artifacts) -> Vec<&Ident> {
        let Artifacts { shadow, old, kept: _, log, reverse_log, triggers, reverse_triggers, row_triggers } = artifacts;
        let mut names = vec![shadow, old, log, reverse_log];
        for TriggerNames { insert, update, delete } in [triggers, reverse_triggers, row_triggers] {
            names.extend([insert, update, delete]);
        }
        names
    }

    #[test]
    fn short_names_are_readable() {
        let artifacts = Artifacts::new(&TableName::new("shop", "Order")).unwrap();
        let names: Vec<&str> = all_names(&artifacts).into_iter().map(Ident::as_str).collect();
        assert_eq!(
            names,
            [
                "Order__rpk_new",
                "Order__rpk_old",
                "Order__rpk_log",
                "Order__rpk_rlog",
                "Order__rpk_ins",
                "Order__rpk_upd",
                "Order__rpk_del",
                "Order__rpk_rins",
                "Order__rpk_rupd",
                "Order__rpk_rdel",
                "Order__rpk_mins",
                "Order__rpk_mupd",
                "Order__rpk_mdel",
            ]
        );
        let schema = bookkeeping_schema(&Ident::new("shop"), None).unwrap();
        assert_eq!(schema.as_str(), "shop__replank");
    }

    #[test]
    fn the_way_back_exchanges_the_sides() {
        let table = TableName::new("shop", "Order");
        let there = Artifacts::kept_in(&table, &Ident::new("shop__replank")).unwrap();
        let back = Artifacts::of_the_way_back(&table, &Ident::new("shop__replank"), 7).unwrap();
        assert_eq!((&back.shadow, &back.old), (&there.old, &there.shadow));
        assert_eq!((&back.log, &back.triggers), (&there.reverse_log, &there.reverse_triggers));
        assert_eq!(back.kept.as_str(), "Order__rpk_new7");
        let shared = Artifacts::of_the_way_back(&table, &Ident::new("zz"), 7).unwrap();
        assert_eq!(shared.kept.as_str(), "shop.Order__rpk_new7");
    }

    #[test]
    fn long_names_are_cut_and_still_sort_behind() {
        let long = Ident::new("x".repeat(64));
        let shadow = derived_name(&long, "__rpk_new").unwrap();
        assert!(shadow.as_str().starts_with(&format!("{}~", "x".repeat(42))) && shadow.as_str().ends_with("__rpk_new"));
        assert!(shadow.as_str() > long.as_str());
        let wide = Ident::new("表".repeat(64));
        assert!(derived_name(&wide, "__rpk_new").unwrap().as_str().starts_with(&format!("{}～", "表".repeat(42))));
    }

    #[test]
    fn without_a_cut_there_is_no_name() {
        let specials = Ident::new("\u{FFEE}".repeat(64));
        let error = derived_name(&specials, "__rpk_new").unwrap_err();
        assert!(matches!(error, NameError::NoRoom { .. }), "{error}");
    }

    #[test]
    fn a_configured_schema_must_sort_behind() {
        let shop = Ident::new("shop");
        let schema = |name| bookkeeping_schema(&shop, Some(name));
        assert_eq!(schema("shop"), Ok(shop.clone()));
        assert_eq!(schema("zz").map(|ident| ident.as_str().to_owned()), Ok("zz".to_owned()));
        assert_eq!(
            schema("replank").unwrap_err().to_string(),
            "the bookkeeping schema `replank` sorts before `shop`, and locks are taken in the order of names; choose a \
             name that sorts behind, such as `shop__replank`"
        );
        assert!(matches!(schema(&"z".repeat(65)), Err(NameError::TooLong { .. })));
    }

    /// Names as the servers take them: any character of the Basic Multilingual Plane but NUL.
    fn name() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            4 => prop::char::range('a', 'z'),
            2 => prop::char::range(' ', '\u{7F}'),
            2 => prop::char::range('\u{80}', '\u{D7FF}'),
            1 => prop::char::range('\u{E000}', '\u{FFFF}'),
        ];
        let spread = prop::collection::vec(character, 1..=64).prop_map(|chars| chars.into_iter().collect());
        // Long names that share their beginning are what a hash is for.
        let alike = "[a-z]{1,8}".prop_map(|end| format!("{}{end}", "long_name_".repeat(7).split_at(64 - end.len()).0));
        prop_oneof![3 => spread, 1 => alike]
    }

    proptest! {
        #[test]
        fn names_fit_and_sort_behind(table in name(), schema in name()) {
            if let Ok(artifacts) = Artifacts::new(&TableName::new("s", table.clone())) {
                let names = all_names(&artifacts);
                for name in &names {
                    prop_assert!(name.as_str().chars().count() <= Ident::MAX_CHARS);
                    prop_assert!(file_name::encoded(name.as_str()).len() <= FILE_BYTES.1, "{}", name);
                    prop_assert!(name.as_str().as_bytes() > table.as_bytes(), "{} {}", name, table);
                }
                let different: std::collections::HashSet<_> = names.iter().collect();
                prop_assert_eq!(different.len(), names.len());
            }
            if let Ok(bookkeeping) = bookkeeping_schema(&Ident::new(schema.clone()), None) {
                prop_assert!(bookkeeping.as_str().chars().count() <= Ident::MAX_CHARS);
                prop_assert!(bookkeeping.as_str().as_bytes() > schema.as_bytes());
            }
        }

        #[test]
        fn different_tables_have_different_names(one in name(), other in name()) {
            prop_assume!(one != other);
            let names = |table: &str| Artifacts::new(&TableName::new("s", table));
            if let (Ok(one), Ok(other)) = (names(&one), names(&other)) {
                for name in all_names(&one) {
                    prop_assert!(!all_names(&other).contains(&name), "{}", name);
                }
            }
        }

        #[test]
        fn there_is_a_name_unless_every_character_is_a_special(table in name()) {
            let sorts_low = |ch: char| ch < '\u{FF5E}';
            if table.chars().take(30).any(sorts_low) {
                prop_assert!(Artifacts::new(&TableName::new("s", table)).is_ok());
            }
        }
    }
}
