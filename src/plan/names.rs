//! Names of everything a run makes on the server.
//!
//! Invariant: every name sorts behind the name it is made from, byte by byte, and has at most 64 characters.
//! The servers take metadata locks in the order of names, schema first; a shadow table or a change log that is locked
//! before the original loses writes or deadlocks with them.

use sha2::{Digest, Sha256};

use crate::sql::{Ident, TableName};

/// The names for one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifacts {
    /// The shadow table, in the original's schema.
    pub shadow: Ident,
    /// The original after the swap, in the original's schema.
    pub old: Ident,
    /// The change log, in the bookkeeping schema.
    pub log: Ident,
    /// The change log of the reverse direction, in the bookkeeping schema.
    pub reverse_log: Ident,
    /// The triggers that log the original's changes.
    pub triggers: TriggerNames,
    /// The triggers that log the changes of the new table after the swap.
    pub reverse_triggers: TriggerNames,
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
        })
    }
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

/// `original` with a suffix, sorting behind it: cut and hashed when there is no room.
///
/// # Errors
/// There is no room and no cut that keeps the order.
pub fn derived_name(original: &Ident, suffix: &str) -> Result<Ident, NameError> {
    let name = original.as_str();
    let room = Ident::MAX_CHARS.saturating_sub(suffix.chars().count());
    if name.chars().count() <= room {
        return Ok(Ident::new(format!("{name}{suffix}")));
    }
    // 48 bits: two long names with one beginning would have to collide in them.
    const HASH_CHARS: usize = 12;
    let hash: String = Sha256::digest(name).iter().take(HASH_CHARS / 2).map(|byte| format!("{byte:02x}")).collect();
    let longest_cut = room.saturating_sub(HASH_CHARS + 1);
    let cuts: Vec<(usize, char)> = name.char_indices().take(longest_cut + 1).collect();
    // Nothing in ASCII sorts behind `~` but the control character DEL; behind the fullwidth tilde there are only
    // halfwidth forms and specials. The longest beginning that one of the two can end is kept.
    for (cut, replaced) in cuts.into_iter().rev() {
        if let Some(separator) = ['~', '\u{FF5E}'].into_iter().find(|&separator| replaced < separator) {
            return Ok(Ident::new(format!("{}{separator}{hash}{suffix}", &name[..cut])));
        }
    }
    Err(NameError::NoRoom { original: original.clone() })
}
