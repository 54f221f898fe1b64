//! Which column of the new table gets its values from which column of the original.
//!
//! Invariant: a pair exists exactly where the server's own ALTER would keep the values.
//! The target's definition is the server's answer, never a reading of the clauses; the clauses only tell which names
//! moved, because a definition cannot.

use super::clauses::{Alter, ClauseKind};
use crate::schema::{Column, Table};
use crate::sql::Ident;

/// The pairs, and what is left over on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    /// In the order of the target's columns.
    pub pairs: Vec<ColumnPair>,
    /// Columns of the target that nothing is copied into: new ones and generated ones.
    pub unsourced: Vec<Column>,
    /// Columns of the original that are copied nowhere.
    pub dropped: Vec<Column>,
}

/// A column and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPair {
    /// In the original.
    pub source: Column,
    /// In the target.
    pub target: Column,
}

impl ColumnMapping {
    /// Maps the columns of `target`, which is the original with the clauses applied by the server.
    pub fn new(alter: &Alter, original: &Table, target: &Table) -> ColumnMapping {
        let moves = NameMoves::read(alter, original);
        let mut mapping = ColumnMapping { pairs: Vec::new(), unsourced: Vec::new(), dropped: Vec::new() };
        for column in &target.columns {
            match moves.source_name(&column.name).and_then(|name| original.column(name)) {
                // The server computes it, and refuses values for it.
                Some(source) if !column.generated => {
                    mapping.pairs.push(ColumnPair { source: source.clone(), target: column.clone() });
                }
                _ => mapping.unsourced.push(column.clone()),
            }
        }
        let unmapped = |column: &&Column| mapping.target_of(&column.name).is_none();
        mapping.dropped = original.columns.iter().filter(unmapped).cloned().collect();
        mapping
    }

    /// The way back: what each column of `original`, which this was made for, gets from the target.
    pub fn reversed(&self, original: &Table) -> ColumnMapping {
        let mut back = ColumnMapping { pairs: Vec::new(), unsourced: Vec::new(), dropped: self.unsourced.clone() };
        for column in &original.columns {
            match self.target_of(&column.name) {
                Some(target) if !column.generated => {
                    back.pairs.push(ColumnPair { source: target.clone(), target: column.clone() });
                }
                _ => back.unsourced.push(column.clone()),
            }
        }
        back
    }

    /// What a column of the original becomes.
    pub fn target_of(&self, source: &Ident) -> Option<&Column> {
        self.pairs.iter().find(|pair| pair.source.name.same_name(source)).map(|pair| &pair.target)
    }

    /// Where a column of the target gets its values from.
    pub fn source_of(&self, target: &Ident) -> Option<&Column> {
        self.pairs.iter().find(|pair| pair.target.name.same_name(target)).map(|pair| &pair.source)
    }

    /// New columns for which an insert that leaves them out has no value: the server's own ALTER fills in a zero.
    pub fn added_without_default(&self) -> Vec<&Column> {
        self.unsourced
            .iter()
            .filter(|column| !(column.nullable || column.has_default || column.generated || column.is_auto_increment()))
            .collect()
    }
}

/// How names move: every clause speaks of the names the original has, so that swaps need no order.
struct NameMoves<'a> {
    renamed: Vec<(&'a Ident, &'a Ident)>,
    dropped: Vec<&'a Ident>,
}

impl<'a> NameMoves<'a> {
    fn read(alter: &'a Alter, original: &Table) -> NameMoves<'a> {
        let mut moves = NameMoves { renamed: Vec::new(), dropped: Vec::new() };
        for clause in &alter.clauses {
            match &clause.kind {
                // MariaDB's IF EXISTS: without the column the clause does nothing.
                ClauseKind::ChangeColumn { from, to } | ClauseKind::RenameColumn { from, to }
                    if original.column(from).is_some() =>
                {
                    moves.renamed.push((from, to));
                }
                ClauseKind::DropColumn { column } => moves.dropped.push(column),
                _ => {}
            }
        }
        moves
    }

    /// The name in the original of what has this name in the target, `None` for a new column.
    fn source_name<'b>(&self, target: &'b Ident) -> Option<&'b Ident>
    where
        'a: 'b,
    {
        if let Some((from, _)) = self.renamed.iter().find(|(_, to)| to.same_name(target)) {
            return Some(from);
        }
        let moved_away = self.renamed.iter().any(|(from, _)| from.same_name(target))
            || self.dropped.iter().any(|dropped| dropped.same_name(target));
        (!moved_away).then_some(target)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::super::read_clauses;
    use super::*;
    use crate::schema::{Index, IndexPart};
    use crate::sql::TableName;

    /// A NOT NULL column with its type, charset and collation of text as the tests mostly want them.
    pub(crate) fn column(name: &str, column_type: &str) -> Column {
        let data_type = column_type.split(['(', ' ']).next().unwrap_or_default().to_owned();
        let text = data_type.contains("char") || data_type.contains("text");
        Column {
            name: Ident::new(name),
            data_type,
            column_type: column_type.to_owned(),
            nullable: false,
            has_default: false,
            defaults_to_now: false,
            extra: String::new(),
            charset: text.then(|| "utf8mb4".to_owned()),
            collation: text.then(|| "utf8mb4_unicode_ci".to_owned()),
            generated: false,
        }
    }

    pub(in crate::plan) fn unique(name: &str, columns: &[&str]) -> Index {
        let part = |name: &&str| IndexPart { column: Some(Ident::new(*name)), prefix: None };
        Index {
            name: Ident::new(name),
            unique: true,
            kind: "BTREE".to_owned(),
            usable: true,
            parts: columns.iter().map(part).collect(),
        }
    }

    pub(in crate::plan) fn table(columns: Vec<Column>, indexes: Vec<Index>) -> Table {
        Table {
            name: TableName::new("s", "t"),
            columns,
            indexes,
            engine: "InnoDB".to_owned(),
            rows_estimate: 0,
            data_bytes: 0,
            index_bytes: 0,
            create_sql: String::new(),
        }
    }

    fn ints(names: &[&str]) -> Table {
        table(names.iter().map(|name| column(name, "int")).collect(), Vec::new())
    }

    #[track_caller]
    fn check(clauses: &str, original: &[&str], target: &[&str], pairs: &[(&str, &str)]) {
        let alter = read_clauses(clauses).unwrap();
        let mapping = ColumnMapping::new(&alter, &ints(original), &ints(target));
        let found: Vec<(&str, &str)> =
            mapping.pairs.iter().map(|pair| (pair.source.name.as_str(), pair.target.name.as_str())).collect();
        assert_eq!(found, pairs, "{clauses}");
    }

    #[test]
    fn values_stay_where_the_server_keeps_them() {
        let same = [("a", "a"), ("b", "b")];
        check("MODIFY a BIGINT", &["a", "b"], &["a", "b"], &same);
        check("CHANGE a c INT", &["a", "b"], &["c", "b"], &[("a", "c"), ("b", "b")]);
        check("CHANGE a b INT, CHANGE b a INT", &["a", "b"], &["b", "a"], &[("a", "b"), ("b", "a")]);
        check("RENAME COLUMN a TO b, RENAME COLUMN b TO a", &["a", "b"], &["b", "a"], &[("a", "b"), ("b", "a")]);
        check("RENAME COLUMN a TO A", &["a"], &["A"], &[("a", "A")]);
        check("DROP a, ADD a INT", &["a", "b"], &["b", "a"], &[("b", "b")]);
        check("DROP a, CHANGE b a INT", &["a", "b"], &["a"], &[("b", "a")]);
        check("RENAME COLUMN a TO b, DROP b", &["a", "b"], &["b"], &[("a", "b")]);
        check("RENAME COLUMN a TO b, ADD a INT", &["a"], &["b", "a"], &[("a", "b")]);
        check("CHANGE a a BIGINT FIRST", &["b", "a"], &["a", "b"], &[("a", "a"), ("b", "b")]);
        check("CHANGE COLUMN IF EXISTS x b INT", &["a", "b"], &["a", "b"], &same);
        check("ADD COLUMN IF NOT EXISTS a INT", &["a", "b"], &["a", "b"], &same);
        check("DROP COLUMN IF EXISTS x", &["a", "b"], &["a", "b"], &same);
        check("drop A, add (a INT, c INT)", &["a", "b"], &["b", "a", "c"], &[("b", "b")]);
    }

    #[test]
    fn generated_columns_take_no_values_but_give_them() {
        let alter = read_clauses("MODIFY a INT AS (1) STORED, MODIFY b INT").unwrap();
        let (mut original, mut target) = (ints(&["a", "b"]), ints(&["a", "b"]));
        original.columns[1].generated = true;
        target.columns[0].generated = true;
        let mapping = ColumnMapping::new(&alter, &original, &target);
        assert!(mapping.target_of(&Ident::new("a")).is_none());
        assert_eq!(mapping.source_of(&Ident::new("B")).map(|column| column.name.as_str()), Some("b"));
        assert_eq!(mapping.dropped.len(), 1);
        assert!(mapping.added_without_default().is_empty());
    }

    #[test]
    fn new_columns_without_a_value_are_told() {
        let alter = read_clauses("ADD b INT").unwrap();
        let without = |set: fn(&mut Column)| {
            let mut target = ints(&["a", "b"]);
            set(&mut target.columns[1]);
            ColumnMapping::new(&alter, &ints(&["a"]), &target).added_without_default().len()
        };
        assert_eq!(without(|_| {}), 1);
        assert_eq!(without(|column| column.nullable = true), 0);
        assert_eq!(without(|column| column.has_default = true), 0);
        assert_eq!(without(|column| column.generated = true), 0);
        assert_eq!(without(|column| column.extra = "auto_increment".to_owned()), 0);
    }

    /// What happens to each column of `a b c d e`.
    #[derive(Debug, Clone)]
    enum Fate {
        Stays,
        Dropped,
        Renamed(&'static str),
    }

    fn fates() -> impl Strategy<Value = Vec<Fate>> {
        let fate = prop_oneof![
            3 => Just(Fate::Stays),
            2 => Just(Fate::Dropped),
            4 => prop::sample::select(vec!["a", "B", "c", "D", "e", "f", "g"]).prop_map(Fate::Renamed),
        ];
        prop::collection::vec(fate, 5)
    }

    proptest! {
        /// The oracle moves tagged values through the change as a server does: all at once, by original names.
        #[test]
        fn mapping_equals_a_simulation(
            fates in fates(),
            added in prop::collection::vec(prop::sample::select(vec!["A", "b", "C", "d", "E", "f", "h"]), 0..4),
            as_change in any::<bool>(),
            order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
        ) {
            const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
            let mut clauses = vec!["FORCE".to_owned()];
            // Name in the target, and the column whose values it has.
            let mut simulated: Vec<(String, Option<&str>)> = Vec::new();
            let taken = |simulated: &[(String, Option<&str>)], name: &str| {
                simulated.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
            };
            // The server refuses a name twice, so what would take one that is taken does not happen.
            let staying = NAMES.iter().zip(&fates).filter(|(_, fate)| matches!(fate, Fate::Stays));
            simulated.extend(staying.map(|(name, _)| ((*name).to_owned(), Some(*name))));
            for (name, fate) in NAMES.into_iter().zip(&fates) {
                match fate {
                    Fate::Renamed(to) if !taken(&simulated, to) => {
                        simulated.push(((*to).to_owned(), Some(name)));
                        clauses.push(if as_change {
                            format!("CHANGE {name} {to} INT")
                        } else {
                            format!("RENAME COLUMN {name} TO {to}")
                        });
                    }
                    Fate::Stays => {}
                    Fate::Dropped | Fate::Renamed(_) => clauses.push(format!("DROP COLUMN {}", name.to_uppercase())),
                }
            }
            for name in added {
                if !taken(&simulated, name) {
                    simulated.push((name.to_owned(), None));
                    clauses.push(format!("ADD COLUMN {name} INT"));
                }
            }
            let clauses: Vec<String> = order.into_iter().filter_map(|index| clauses.get(index).cloned()).collect();

            let alter = read_clauses(&clauses.join(", ")).unwrap();
            let target: Vec<&str> = simulated.iter().map(|(name, _)| name.as_str()).collect();
            let mapping = ColumnMapping::new(&alter, &ints(&NAMES), &ints(&target));
            for (name, source) in &simulated {
                let found = mapping.source_of(&Ident::new(name)).map(|column| column.name.as_str());
                prop_assert_eq!(found, *source, "{}: {}", clauses.join(", "), name);
            }
            let back = mapping.reversed(&ints(&NAMES));
            for name in NAMES.map(Ident::new) {
                let went_to = mapping.target_of(&name).map(|column| &column.name);
                prop_assert_eq!(back.source_of(&name).map(|column| &column.name), went_to);
            }
            prop_assert_eq!((back.unsourced, back.dropped), (mapping.dropped.clone(), mapping.unsourced.clone()));
            prop_assert_eq!(mapping.pairs.len() + mapping.unsourced.len(), simulated.len());
            prop_assert_eq!(mapping.pairs.len() + mapping.dropped.len(), NAMES.len());
        }
    }
}
