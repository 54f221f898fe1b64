//! One online change, resolved: which tables, which key, which columns. Every step renders its SQL from this.

use sha2::{Digest, Sha256};

use crate::mirror::change_log::ChangeLog;
use crate::mirror::triggers::LogTriggers;
use crate::plan::{Artifacts, ChunkKey, ColumnMapping, KeyValue};
use crate::schema::Column;
use crate::sql::{Ident, TableName};

/// A change by online copy.
#[derive(Debug, Clone)]
pub struct Change {
    /// The application's table.
    pub original: TableName,
    /// The table that will take its place, in the same schema: the swap must not cross schemas while it has triggers.
    pub shadow: TableName,
    /// The original's name between swap and cleanup.
    pub old: TableName,
    /// Where the old table is kept.
    pub kept: TableName,
    /// Keys written to the original.
    pub log: ChangeLog,
    /// Keys written to the new table after the swap.
    pub reverse_log: ChangeLog,
    /// The triggers that fill `log`.
    pub mirror: LogTriggers,
    /// The triggers that fill `reverse_log`; on the shadow until the swap, on the table after it.
    pub reverse: LogTriggers,
    /// The key that is walked and logged.
    pub key: ChunkKey,
    /// Which column goes where.
    pub mapping: ColumnMapping,
    /// A comment in every statement that writes rows, by which a later run finds statements of this one that the
    /// server still executes.
    pub marker: String,
}

impl Change {
    /// Resolves names for a table, its key and its columns.
    pub fn new(
        original: TableName,
        bookkeeping: &Ident,
        names: &Artifacts,
        key: ChunkKey,
        mapping: ColumnMapping,
        run: u64,
    ) -> Change {
        let beside = |name: &Ident| TableName { schema: original.schema.clone(), table: name.clone() };
        let kept_away = |name: &Ident| TableName { schema: bookkeeping.clone(), table: name.clone() };
        let key_pairs = || {
            let pair = |name: &Ident| mapping.pairs.iter().find(|pair| pair.source.name.same_name(name));
            key.columns.iter().filter_map(move |column| pair(&column.source))
        };
        let sources: Vec<Column> = key_pairs().map(|pair| pair.source.clone()).collect();
        let targets: Vec<Column> = key_pairs().map(|pair| pair.target.clone()).collect();
        let log = ChangeLog::new(kept_away(&names.log), key.clone(), sources);
        let reverse_log = ChangeLog::new(kept_away(&names.reverse_log), key.clone(), targets);
        let shadow = beside(&names.shadow);
        Change {
            mirror: LogTriggers { table: original.clone(), names: names.triggers.clone(), log: log.clone() },
            reverse: LogTriggers {
                table: shadow.clone(),
                names: names.reverse_triggers.clone(),
                log: reverse_log.clone(),
            },
            old: beside(&names.old),
            kept: kept_away(&names.kept),
            marker: marker(&original, run),
            original,
            shadow,
            log,
            reverse_log,
            key,
            mapping,
        }
    }

    /// The key's columns in the original.
    pub fn original_key(&self) -> Vec<Ident> {
        self.key.columns.iter().map(|column| column.source.clone()).collect()
    }

    /// The key's columns in the shadow.
    pub fn shadow_key(&self) -> Vec<Ident> {
        self.key.columns.iter().map(|column| column.target.clone()).collect()
    }

    /// The key's columns in the original, qualified.
    pub fn original_key_sql(&self) -> Vec<String> {
        self.original_key().iter().map(|column| format!("{}.{column}", self.original)).collect()
    }

    /// The key's columns in the shadow, qualified.
    pub fn shadow_key_sql(&self) -> Vec<String> {
        self.shadow_key().iter().map(|column| format!("{}.{column}", self.shadow)).collect()
    }

    /// A key for people: `id = 5`.
    pub fn describe(&self, key: &KeyValue) -> String {
        let columns: Vec<String> = self.original_key().iter().map(|column| column.as_str().to_owned()).collect();
        self.key.equal(&columns, key)
    }

    /// Columns an INSERT into the shadow names.
    pub fn target_columns(&self) -> String {
        let names: Vec<String> = self.mapping.pairs.iter().map(|pair| pair.target.name.to_string()).collect();
        names.join(", ")
    }

    /// What a SELECT from the original gives for them.
    pub fn source_columns(&self) -> String {
        let names: Vec<String> =
            self.mapping.pairs.iter().map(|pair| format!("{}.{}", self.original, pair.source.name)).collect();
        names.join(", ")
    }

    /// The swap: both names at once.
    pub fn rename_sql(&self) -> String {
        format!("RENAME TABLE {} TO {}, {} TO {}", self.original, self.old, self.shadow, self.original)
    }

    /// The end of an INSERT that leaves a row alone whose key is there already. Unlike IGNORE it hides no other error.
    pub fn keep_existing(&self) -> String {
        let first = &self.shadow_key()[0];
        format!("ON DUPLICATE KEY UPDATE {first} = {}.{first}", self.shadow)
    }
}

/// The comment that marks the statements of a run that may take long. Runs are counted per bookkeeping schema, so the number alone would
/// also be that of somebody else's run. A digest, because a name may have the end of a comment in it.
pub fn marker(table: &TableName, run: u64) -> String {
    let digest = Sha256::digest(table.plain().as_bytes());
    let table: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("/* replank run {run} of {table} */")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_two_tables_are_told_apart() {
        let marker_of = |schema| marker(&TableName::new(schema, "Order */"), 1);
        assert_eq!(marker_of("shop"), marker_of("shop"));
        assert_ne!(marker_of("shop"), marker_of("shop_2"));
        assert_eq!(marker_of("shop").matches("*/").count(), 1);
    }
}
