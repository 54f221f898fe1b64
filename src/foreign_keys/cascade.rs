//! Cascades that end in a table: which writes to which other tables change its rows, and the triggers that log those.
//!
//! The engine's cascades fire no triggers, so the table's own cannot log them. They begin with a write that does fire
//! some, to a parent, a parent's parent and so on; there a BEFORE trigger logs the keys of the rows that the cascade is
//! about to change, in the same transaction.
//!
//! It reads them FOR UPDATE: the locks are the ones that the cascade takes a moment later, and without them a row that
//! comes in between would be changed and not logged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Action, ForeignKey};
use crate::sql::{Ident, TableName};

/// A foreign key on the way of a cascade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The table that references.
    pub child: TableName,
    /// How.
    pub key: ForeignKey,
    /// The index of the child that begins with the columns that reference.
    pub index: Ident,
    /// The types of the columns that are referenced.
    pub types: Vec<String>,
}

/// The way of a cascade, from the table whose write begins it down to the table that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// At least one; each one's child is the next one's parent.
    pub edges: Vec<Edge>,
}

/// What happens to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Happening {
    Deleted,
    Changed(Vec<Ident>),
}

impl Path {
    /// The table whose writes begin it.
    pub fn start(&self) -> &TableName {
        &self.edges[0].key.parent
    }

    /// This path with an edge before it.
    pub fn behind(&self, edge: Edge) -> Path {
        Path { edges: std::iter::once(edge).chain(self.edges.iter().cloned()).collect() }
    }

    /// Whether the deletion of a row of the first parent gets through to the last child.
    pub fn carries_delete(&self) -> bool {
        self.carries(Happening::Deleted)
    }

    /// Whether a change of what is referenced gets through.
    pub fn carries_update(&self) -> bool {
        self.carries(Happening::Changed(self.edges[0].key.referenced.clone()))
    }

    fn carries(&self, first: Happening) -> bool {
        let next = |happening: Happening, edge: &Edge| {
            let action = match &happening {
                Happening::Deleted => edge.key.on_delete(),
                Happening::Changed(columns) => {
                    let is_changed = |name: &&Ident| columns.iter().any(|changed| changed.same_name(name));
                    edge.key.referenced.iter().find(is_changed)?;
                    edge.key.on_update()
                }
            };
            match (happening, action) {
                (_, Action::Refuse) => None,
                (Happening::Deleted, Action::Cascade) => Some(Happening::Deleted),
                _ => Some(Happening::Changed(edge.key.columns.clone())),
            }
        };
        self.edges.iter().try_fold(first, next).is_some()
    }

    /// What a column of the last child becomes when the update that begins the path gives its columns new values: the
    /// column of the first parent, or `None` when it stays.
    fn updated_by(&self, column: &Ident) -> Option<Ident> {
        self.edges.iter().rev().try_fold(column.clone(), |column, edge| {
            let position = edge.key.columns.iter().position(|own| own.same_name(&column))?;
            Some(edge.key.referenced[position].clone())
        })
    }

    /// A block that logs the keys of the rows of the last child that reference, over all the edges, the row `OLD` of the
    /// first parent; with `moved`, also the keys that they get by the cascade of an update.
    ///
    /// Row by row: INSERT … SELECT would hold the log's AUTO-INC lock to the end of the application's statement where
    /// innodb_autoinc_lock_mode is 1, MariaDB's default, and others would run into it (1467).
    fn log_sql(&self, log: &Log, moved: bool) -> String {
        let last = self.edges.len();
        let mut from = String::new();
        let mut only = Vec::new();
        for (number, Edge { child, key, index, .. }) in self.edges.iter().enumerate() {
            let (this, before) = (number + 1, number);
            let equal: Vec<String> = key
                .columns
                .iter()
                .zip(&key.referenced)
                .zip(1..)
                .map(|((own, referenced), position)| match number {
                    0 => format!("rpk_{this}.{own} = rpk_old{position}"),
                    _ => format!("rpk_{this}.{own} = rpk_{before}.{referenced}"),
                })
                .collect();
            if number == 0 {
                from = format!("{child} AS rpk_{this} FORCE INDEX ({index})");
                only = equal;
            } else {
                let equal = equal.join(" AND ");
                from.push_str(&format!(" STRAIGHT_JOIN {child} AS rpk_{this} FORCE INDEX ({index}) ON {equal}"));
            }
        }
        // A trigger may not lock its own table for an update (1442). There the rows below the first level do not matter:
        // a cascade within the table that goes on deleting is refused.
        let lock = match self.edges.iter().any(|edge| edge.child == *self.start()) {
            true => "LOCK IN SHARE MODE",
            false => "FOR UPDATE",
        };
        let numbered = |prefix: &str| -> Vec<String> {
            (1..=log.key.len()).map(|number| format!("rpk_{prefix}{number}")).collect()
        };
        let variables = numbered("key");
        // The query must not name OLD: MariaDB 11.8 parses it again when one of its tables is another one, as after the
        // swap, and then crashes over the columns of the trigger's own table that it found in it before.
        let first = &self.edges[0];
        let old = first.key.referenced.iter().zip(&first.types).zip(1..).map(|((column, data_type), position)| {
            format!("DECLARE rpk_old{position} {data_type} DEFAULT OLD.{column};")
        });
        let keys =
            variables.iter().zip(&log.key).map(|(variable, (_, data_type))| format!("DECLARE {variable} {data_type};"));
        let declared: Vec<String> = old.chain(keys).collect();
        let columns: Vec<String> = log.key.iter().map(|(column, _)| column.to_string()).collect();
        let selected: Vec<String> = columns.iter().map(|column| format!("rpk_{last}.{column}")).collect();
        let insert = |values: &[String]| {
            format!("INSERT INTO {} ({}) VALUES ({});", log.table, columns.join(", "), values.join(", "))
        };
        let mut inserts = insert(&variables);
        if moved {
            let value = |(variable, (column, _)): (&String, &(Ident, String))| {
                self.updated_by(column).map_or_else(|| variable.clone(), |column| format!("NEW.{column}"))
            };
            let values: Vec<String> = variables.iter().zip(&log.key).map(value).collect();
            inserts.push_str(&format!(" {}", insert(&values)));
        }
        format!(
            "BEGIN DECLARE rpk_done BOOLEAN DEFAULT FALSE; {} \
             DECLARE rpk_rows CURSOR FOR SELECT {} FROM {from} WHERE {} {lock}; \
             DECLARE CONTINUE HANDLER FOR NOT FOUND SET rpk_done = TRUE; \
             OPEN rpk_rows; rpk_loop: LOOP FETCH rpk_rows INTO {}; IF rpk_done THEN LEAVE rpk_loop; END IF; \
             {inserts} END LOOP; CLOSE rpk_rows; END;",
            declared.join(" "),
            selected.join(", "),
            only.join(" AND "),
            variables.join(", "),
        )
    }

    /// Whether the cascade of an update may change the key itself.
    fn moves_key(&self, log: &Log) -> bool {
        log.key.iter().any(|(column, _)| self.updated_by(column).is_some())
    }

    /// Whether the row `OLD` of the first parent is left with what is referenced; compared by bytes, because a cascade
    /// carries changes that the collation does not see.
    fn changes_referenced(&self) -> String {
        let same: Vec<String> = self.edges[0]
            .key
            .referenced
            .iter()
            .map(|column| format!("CAST(OLD.{column} AS BINARY) <=> CAST(NEW.{column} AS BINARY)"))
            .collect();
        format!("NOT ({})", same.join(" AND "))
    }
}

/// Where keys are logged.
#[derive(Debug, Clone)]
pub struct Log {
    /// Its table.
    pub table: TableName,
    /// The key's columns, there and in the table that is watched, with their types.
    pub key: Vec<(Ident, String)>,
}

/// Triggers of ours on a table that is not changed itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableTriggers {
    /// The table they are on.
    pub table: TableName,
    /// Their names, in its schema, and statements.
    pub triggers: Vec<(Ident, String)>,
}

impl TableTriggers {
    /// DROP TRIGGER for each; no error when they are gone.
    pub fn drop_sql(&self) -> Vec<String> {
        let schema = &self.table.schema;
        self.triggers.iter().map(|(name, _)| format!("DROP TRIGGER IF EXISTS {schema}.{name}")).collect()
    }

    /// CREATE TRIGGER for each.
    pub fn create_sql(&self) -> impl Iterator<Item = &str> {
        self.triggers.iter().map(|(_, sql)| sql.as_str())
    }
}

/// The triggers that log what the paths carry, table by table. `name` gives a trigger of a table its name from the
/// number of the table and the event's letter.
pub fn log_triggers(paths: &[Path], log: &Log, name: impl Fn(&TableName, usize, char) -> Ident) -> Vec<TableTriggers> {
    let mut by_table: BTreeMap<String, Vec<&Path>> = BTreeMap::new();
    for path in paths {
        by_table.entry(path.start().to_string()).or_default().push(path);
    }
    let tables = by_table.into_values().enumerate().map(|(number, paths)| {
        let table = paths[0].start().clone();
        let mut triggers = Vec::new();
        let deletes: Vec<String> =
            paths.iter().filter(|path| path.carries_delete()).map(|path| path.log_sql(log, false)).collect();
        let updates: Vec<String> = paths
            .iter()
            .filter(|path| path.carries_update())
            .map(|path| {
                let logged = path.log_sql(log, path.moves_key(log));
                format!("IF {} THEN {logged} END IF;", path.changes_referenced())
            })
            .collect();
        for (event, letter, body) in [("DELETE", 'd', deletes), ("UPDATE", 'u', updates)] {
            if !body.is_empty() {
                let name = name(&table, number + 1, letter);
                let body = body.join(" ");
                let sql = format!(
                    "CREATE TRIGGER {}.{name} BEFORE {event} ON {table} FOR EACH ROW BEGIN {body} END",
                    table.schema
                );
                triggers.push((name, sql));
            }
        }
        TableTriggers { table, triggers }
    });
    tables.filter(|table| !table.triggers.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(child: &str, column: &str, parent: &str, referenced: &str, actions: &str) -> Edge {
        let key = ForeignKey {
            name: Ident::new(format!("{child}_fk")),
            columns: column.split(',').map(Ident::new).collect(),
            parent: TableName::new("s", parent),
            referenced: referenced.split(',').map(Ident::new).collect(),
            actions: actions.to_owned(),
        };
        let types = vec!["int(11)".to_owned(); key.referenced.len()];
        Edge { child: TableName::new("s", child), key, index: Ident::new("i"), types }
    }

    const BOTH: &str = " ON DELETE CASCADE ON UPDATE CASCADE";

    #[test]
    fn a_delete_goes_on_where_it_deletes() {
        let last = Path { edges: vec![edge("c", "b", "b", "id", BOTH)] };
        assert!(last.carries_delete() && last.carries_update());
        let two = last.behind(edge("b", "a", "a", "id", BOTH));
        assert!(two.carries_delete(), "the row of b goes, and with it those of c");
        assert!(!two.carries_update(), "b.a changes, which c does not reference");
        let nulled = last.behind(edge("b", "a", "a", "id", " ON DELETE SET NULL"));
        assert!(!nulled.carries_delete());
        let refused = Path { edges: vec![edge("c", "b", "b", "id", " ON DELETE RESTRICT ON UPDATE CASCADE")] };
        assert!(!refused.carries_delete() && refused.carries_update());
    }

    #[test]
    fn an_update_goes_on_where_its_columns_are_referenced() {
        let last = Path { edges: vec![edge("c", "tenant,b", "b", "tenant,id", " ON UPDATE CASCADE")] };
        let two = last.behind(edge("b", "tenant", "a", "id", " ON UPDATE CASCADE"));
        assert!(two.carries_update() && !two.carries_delete());
        assert_eq!(two.updated_by(&Ident::new("tenant")), Some(Ident::new("id")));
        assert_eq!(two.updated_by(&Ident::new("b")), None);
    }

    #[test]
    fn triggers_log_old_and_new_keys() {
        let path = Path { edges: vec![edge("c", "tenant", "a", "id", BOTH)] };
        let key = ["tenant", "id"].map(|name| (Ident::new(name), "int(11)".to_owned())).into();
        let log = Log { table: TableName::new("s", "log"), key };
        let tables = log_triggers(&[path], &log, |_, number, letter| Ident::new(format!("t{number}{letter}")));
        let all: Vec<&str> = tables.iter().flat_map(TableTriggers::create_sql).collect();
        let block = |moved: &str| {
            format!(
                "BEGIN DECLARE rpk_done BOOLEAN DEFAULT FALSE; \
                 DECLARE rpk_old1 int(11) DEFAULT OLD.`id`; DECLARE rpk_key1 int(11); DECLARE rpk_key2 int(11); \
                 DECLARE rpk_rows CURSOR FOR SELECT rpk_1.`tenant`, rpk_1.`id` FROM `s`.`c` AS rpk_1 \
                 FORCE INDEX (`i`) WHERE rpk_1.`tenant` = rpk_old1 FOR UPDATE; \
                 DECLARE CONTINUE HANDLER FOR NOT FOUND SET rpk_done = TRUE; \
                 OPEN rpk_rows; rpk_loop: LOOP FETCH rpk_rows INTO rpk_key1, rpk_key2; \
                 IF rpk_done THEN LEAVE rpk_loop; END IF; \
                 INSERT INTO `s`.`log` (`tenant`, `id`) VALUES (rpk_key1, rpk_key2);{moved} \
                 END LOOP; CLOSE rpk_rows; END;"
            )
        };
        let delete = format!("CREATE TRIGGER `s`.`t1d` BEFORE DELETE ON `s`.`a` FOR EACH ROW BEGIN {} END", block(""));
        let update = format!(
            "CREATE TRIGGER `s`.`t1u` BEFORE UPDATE ON `s`.`a` FOR EACH ROW BEGIN IF NOT (CAST(OLD.`id` AS BINARY) \
             <=> CAST(NEW.`id` AS BINARY)) THEN {} END IF; END",
            block(" INSERT INTO `s`.`log` (`tenant`, `id`) VALUES (NEW.`id`, rpk_key2);")
        );
        assert_eq!(all, [delete, update]);
    }
}
