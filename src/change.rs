//! One online change, resolved: which tables, which key, which columns. Every step renders its SQL from this.

use sha2::{Digest, Sha256};

use crate::error::{Failure, Stop};
use crate::mirror::Aside;
use crate::mirror::change_log::ChangeLog;
use crate::mirror::triggers::LogTriggers;
use crate::plan::{Artifacts, ChunkKey, ColumnMapping, ColumnPair, KeyValue, TriggerNames};
use crate::schema::Column;
use crate::server::Flavor;
use crate::sql::{Ident, TableName};

/// Which way rows go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into a table of the new definition.
    Forward,
    /// Back into the old table that was kept: the original is the new table, the shadow the old one.
    Back,
}

impl Direction {
    /// What the table is between the swap and the end of what settles foreign keys and triggers.
    pub fn unsettled(self) -> &'static str {
        match self {
            Direction::Forward => "changed; not all of its foreign keys and triggers are settled yet",
            Direction::Back => "rolled back; not all of its foreign keys and triggers are settled yet",
        }
    }
}

/// A change by online copy, or the way back from one.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which way it goes.
    pub direction: Direction,
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
    /// Names of the triggers that write rows to the old table right after the swap, where foreign keys need that.
    pub row_triggers: TriggerNames,
    /// The key that is walked and logged.
    pub key: ChunkKey,
    /// Which column goes where.
    pub mapping: ColumnMapping,
    /// Columns of the shadow that nothing is copied into and whose values stay; only on the way back.
    pub aside: Option<Aside>,
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
            direction: Direction::Forward,
            aside: None,
            mirror: LogTriggers {
                table: original.clone(),
                names: names.triggers.clone(),
                log: log.clone(),
                next_log: None,
            },
            reverse: LogTriggers {
                table: shadow.clone(),
                names: names.reverse_triggers.clone(),
                log: reverse_log.clone(),
                next_log: None,
            },
            row_triggers: names.row_triggers.clone(),
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

    /// The same when the new table's writes are logged after the swap.
    pub fn followed(mut self, flavor: Flavor) -> Change {
        if flavor == Flavor::MariaDb {
            self.mirror.next_log = Some(self.reverse_log.clone());
        }
        self
    }

    /// The same for a run that is only taken away: no statement on rows can be rendered from it.
    pub fn of_names(original: TableName, bookkeeping: &Ident, names: &Artifacts, run: u64) -> Change {
        let key = ChunkKey { index: Ident::new("PRIMARY"), columns: Vec::new() };
        let mapping = ColumnMapping { pairs: Vec::new(), unsourced: Vec::new(), dropped: Vec::new() };
        Change::new(original, bookkeeping, names, key, mapping, run)
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
        let names = self.mapping.pairs.iter().map(|pair| &pair.target.name);
        let names: Vec<String> = names.chain(self.dated().map(|column| &column.name)).map(Ident::to_string).collect();
        names.join(", ")
    }

    /// What a SELECT from the original gives for them.
    pub fn source_columns(&self) -> String {
        let copied = self.mapping.pairs.iter().map(|pair| pair.copied(&self.original));
        let values: Vec<String> = copied.chain(self.dated().map(now_in_its_zone)).collect();
        values.join(", ")
    }

    /// New columns whose default is the time on a clock, which is that of the server's zone and not of ours. On the way
    /// back, values of the old table's own are kept.
    fn dated(&self) -> impl Iterator<Item = &Column> {
        let is_dated = |column: &&Column| column.defaults_to_now && column.data_type == "datetime";
        self.mapping.unsourced.iter().filter(move |column| self.direction == Direction::Forward && is_dated(column))
    }

    /// The swap: both names at once.
    pub fn rename_sql(&self) -> String {
        format!("RENAME TABLE {} TO {}, {} TO {}", self.original, self.old, self.shadow, self.original)
    }

    /// A value of the original is none of the new definition.
    pub fn does_not_fit(&self, failure: Failure) -> Failure {
        let original = &self.original;
        Failure::new(Stop::Refused, format!("a row of {original} does not fit the new definition"))
            .table("untouched; what was copied is kept")
            .next(format!("mend the row, then `replank resume {}`", original.argument()))
            .next(format!("`replank abort {}` drops the copy", original.argument()))
            .cause(failure.cause.unwrap_or(failure.what))
    }

    /// The end of an INSERT that leaves a row alone whose key is there already. Unlike IGNORE it hides no other error.
    pub fn keep_existing(&self) -> String {
        let first = &self.shadow_key()[0];
        format!("ON DUPLICATE KEY UPDATE {first} = {}.{first}", self.shadow)
    }
}

impl ColumnPair {
    /// What is copied, from a table that has the source's columns.
    fn copied(&self, table: &TableName) -> String {
        copied_value(&format!("{table}.{}", self.source.name), &self.source, &self.target)
    }
}

/// The server's own zone, by which its own ALTER converts. Sessions of ours have UTC, in which a TIMESTAMP is one moment.
const ITS_ZONE: &str = "@@GLOBAL.time_zone";

fn now_in_its_zone(column: &Column) -> String {
    let digits = column.column_type.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("0", |(n, _)| n);
    format!("CONVERT_TZ(CURRENT_TIMESTAMP({digits}), '+00:00', {ITS_ZONE})")
}

/// What a value is before it is converted between TIMESTAMP and another type: a moment in UTC, or the time that a clock in
/// the server's zone shows then. What is no time at all stays what it is, and so does a zero date.
pub fn zoned_value(sql: &str, source: &Column, target: &Column) -> String {
    // A time of day becomes that of today.
    if source.data_type == "time" && matches!(target.data_type.as_str(), "date" | "datetime" | "timestamp") {
        let today = format!("TIMESTAMP(DATE(CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', {ITS_ZONE})))");
        let on_clock = format!("ADDTIME({today}, {sql})");
        return match target.data_type.as_str() {
            "timestamp" => format!("CONVERT_TZ({on_clock}, {ITS_ZONE}, '+00:00')"),
            _ => on_clock,
        };
    }
    let is_moment = |column: &Column| column.data_type == "timestamp";
    match (is_moment(source), is_moment(target)) {
        (true, false) => format!("COALESCE(CONVERT_TZ({sql}, '+00:00', {ITS_ZONE}), {sql})"),
        (false, true) => {
            let moment = format!("CONVERT_TZ({sql}, {ITS_ZONE}, '+00:00')");
            // An hour that the clock leaves out is no moment; the server's own ALTER refuses it, too.
            match source.data_type.as_str() {
                "datetime" => format!(
                    "IF(CONVERT_TZ({moment}, '+00:00', {ITS_ZONE}) <> {sql}, CONCAT({sql}, ' never was'), \
                     COALESCE({moment}, {sql}))"
                ),
                _ => format!("COALESCE({moment}, {sql})"),
            }
        }
        _ => sql.to_owned(),
    }
}

/// The expression of which an INSERT makes what the server's own ALTER makes of a source's value: the two convert some
/// types in other ways.
pub fn copied_value(sql: &str, source: &Column, target: &Column) -> String {
    let sql = &zoned_value(sql, source, target);
    let is_text = |of: &Column| of.charset.is_some();
    let is_bytes = ["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"];
    let number = ["tinyint", "smallint", "mediumint", "int", "bigint"];
    match (source.data_type.as_str(), target.data_type.as_str()) {
        // An INSERT would write the digits of a DOUBLE: 0.10000000149011612 for 0.1.
        ("float" | "double", to) if is_text(target) || is_bytes.contains(&to) => format!("CONCAT({sql})"),
        // Only its own text has the zeros, which an INSERT leaves out.
        (_, to) if source.column_type.contains("zerofill") && (is_text(target) || is_bytes.contains(&to)) => {
            format!("CONCAT({sql})")
        }
        // An INSERT takes no number for JSON, and the characters of text for bits. ALTER makes an integer of 0e0, but
        // not of 0.00.
        ("float" | "double", "json") => format!("CAST(CONCAT({sql}) AS JSON)"),
        ("decimal", "json") if source.column_type.contains(",0)") => format!("CAST(CONCAT({sql}) AS JSON)"),
        ("decimal", "json") => format!("CAST({sql} + 0e0 AS JSON)"),
        (from, "json") if number.contains(&from) => format!("CAST({sql} AS JSON)"),
        // Unlike a sum, a cast fails for text that is no number, whichever type the text has.
        (_, "bit") if is_text(source) => format!("CAST({sql} AS UNSIGNED)"),
        ("time", "bit") => format!("({sql} + 0)"),
        // Of a number with a fraction it takes the text.
        ("decimal", "enum" | "set") => format!("ROUND({sql})"),
        _ => sql.to_owned(),
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

    #[test]
    fn only_values_that_leave_or_become_a_timestamp_change_zones() {
        let column = crate::plan::mapping::tests::column;
        let zoned = |from: &str, to: &str| zoned_value("v", &column("v", from), &column("v", to));
        for (from, to) in
            [("timestamp", "timestamp(3)"), ("datetime", "datetime(6)"), ("int", "bigint"), ("time", "int")]
        {
            assert_eq!(zoned(from, to), "v", "{from} to {to}");
        }
        assert_eq!(zoned("timestamp", "datetime"), "COALESCE(CONVERT_TZ(v, '+00:00', @@GLOBAL.time_zone), v)");
        assert_eq!(zoned("date", "timestamp"), "COALESCE(CONVERT_TZ(v, @@GLOBAL.time_zone, '+00:00'), v)");
        assert!(zoned("datetime", "timestamp").contains("' never was'"));
    }
}
