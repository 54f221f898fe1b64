//! How the server would make a change, told from the clauses and the definition alone.
//!
//! A change asks the server before it is made ([`super::strategy`]); a plan must not touch anything, and often is about
//! tables that look different once earlier migrations have run.
//! So here are the rules that the manuals document, for MySQL from 8.0.29 and MariaDB from 10.6, and only those that
//! are certain: what is not known to be cheap is said to take a copy.

use super::clause_reader::read_clauses;
use super::clauses::{Alter, Clause, ClauseKind, ConstraintKind};
use super::definition::{Column, Definition, integer_bytes};
use super::key_clauses::KeyClauses;
use super::strategy::Strategy;
use crate::server::Flavor;
use crate::sql::Ident;

/// What a change would cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// The strategy.
    pub strategy: Strategy,
    /// Why, one sentence.
    pub reason: String,
}

/// What a clause takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    /// `ALGORITHM=INSTANT` does it.
    instant: bool,
    /// `ALGORITHM=INPLACE, LOCK=NONE` does it without touching rows.
    in_place: bool,
}

const NOTHING: Cost = Cost { instant: true, in_place: true };
const INSTANT_ONLY: Cost = Cost { instant: true, in_place: false };
const IN_PLACE_ONLY: Cost = Cost { instant: false, in_place: true };
const ALL_ROWS: Cost = Cost { instant: false, in_place: false };

/// Predicts the strategy for clauses on a table of this definition.
pub fn predict(alter: &Alter, before: &Definition, flavor: Flavor) -> Prediction {
    let after = before.altered(alter);
    let change = Predicted { before, after: &after, flavor };
    // Foreign keys are metadata, made beside the rest, unless one takes an index.
    let own: Vec<Ident> = before.foreign_keys.iter().filter_map(|key| key.name.clone()).collect();
    let KeyClauses { rest, adds, .. } = KeyClauses::of(alter, &own);
    if let Some(add) = adds.iter().find(|add| !has_index(add, &after)) {
        let reason = format!("\"{}\" takes an index, which works through the whole table", short(add));
        return Prediction { strategy: Strategy::Copy, reason };
    }
    if rest.changes().next().is_none() {
        let reason = match adds.is_empty() {
            true => "only the definition changes",
            false => "the foreign key is metadata, and rows are looked at without a lock",
        };
        return Prediction { strategy: Strategy::InPlace, reason: reason.to_owned() };
    }
    let costs: Vec<(&Clause, Cost)> = rest.changes().map(|clause| (clause, change.cost(clause))).collect();
    if costs.iter().all(|(_, cost)| cost.instant) {
        let reason = "only the definition changes".to_owned();
        return Prediction { strategy: Strategy::Instant, reason };
    }
    match costs.iter().find(|(_, cost)| !cost.in_place) {
        None => Prediction { strategy: Strategy::InPlace, reason: "the server touches no row for it".to_owned() },
        Some((clause, cost)) if cost.instant => Prediction {
            strategy: Strategy::Copy,
            reason: format!("\"{}\" would be instant by itself, but not together with the rest", short(&clause.text)),
        },
        Some((clause, _)) => Prediction {
            strategy: Strategy::Copy,
            reason: format!("\"{}\" works through the whole table", short(&clause.text)),
        },
    }
}

/// Whether the table has an index under a foreign key that is added.
fn has_index(add: &str, after: &Definition) -> bool {
    let clauses = read_clauses(add).map(|alter| alter.clauses).unwrap_or_default();
    match clauses.first().map(|clause| &clause.kind) {
        Some(ClauseKind::AddConstraint(key)) => after.has_index_on(&key.columns),
        _ => false,
    }
}

fn short(text: &str) -> String {
    const MOST: usize = 60;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", line[..cut].trim_end()),
        None => line,
    }
}

struct Predicted<'a> {
    before: &'a Definition,
    after: &'a Definition,
    flavor: Flavor,
}

impl Predicted<'_> {
    fn cost(&self, clause: &Clause) -> Cost {
        let maria = self.flavor == Flavor::MariaDb;
        match &clause.kind {
            ClauseKind::AddColumn { columns, constraints } if constraints.is_empty() => {
                let instant =
                    columns.iter().all(|name| self.after.column(name).is_some_and(|new| self.adds_instantly(new)));
                if instant { INSTANT_ONLY } else { ALL_ROWS }
            }
            ClauseKind::DropColumn { column } => {
                let indexed =
                    self.before.indexes.iter().any(|index| index.columns().any(|part| part.same_name(column)));
                let stored = self.before.column(column).is_some_and(|column| column.generated == Some(true));
                if indexed || stored || !self.has_instant_rows() { ALL_ROWS } else { INSTANT_ONLY }
            }
            ClauseKind::RenameColumn { .. } => NOTHING,
            ClauseKind::AlterColumn { .. } => NOTHING,
            ClauseKind::ModifyColumn { column } => self.redefinition(column, column),
            ClauseKind::ChangeColumn { from, to } => self.redefinition(from, to),
            ClauseKind::DropIndex { .. } => IN_PLACE_ONLY,
            ClauseKind::RenameIndex { .. } | ClauseKind::AlterIndex { .. } => {
                if maria {
                    NOTHING
                } else {
                    IN_PLACE_ONLY
                }
            }
            // MariaDB would do it instantly; what is asserted on both is INPLACE.
            ClauseKind::DropForeignKey { .. } => IN_PLACE_ONLY,
            ClauseKind::DropCheck { .. } => NOTHING,
            ClauseKind::DropConstraint { name } if self.before.check(name).is_some() => NOTHING,
            ClauseKind::TableOption { name, .. } if name == "COMMENT" => {
                if maria {
                    NOTHING
                } else {
                    IN_PLACE_ONLY
                }
            }
            ClauseKind::TableOption { name, .. } if name == "STATS_PERSISTENT" => IN_PLACE_ONLY,
            ClauseKind::RenameTable { .. } => NOTHING,
            _ => ALL_ROWS,
        }
    }

    /// Whether rows of the table can have several versions of a definition.
    fn has_instant_rows(&self) -> bool {
        let compressed =
            self.before.option("ROW_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("compressed"))
                || self.before.option("KEY_BLOCK_SIZE").is_some();
        let fulltext = self.before.indexes.iter().any(|index| index.kind == ConstraintKind::Fulltext);
        !compressed && !fulltext
    }

    fn adds_instantly(&self, column: &Column) -> bool {
        let expression = column.default.as_deref().is_some_and(|default| default.starts_with('('));
        let plain = !column.inline_key && !column.auto_increment && !expression;
        match column.generated {
            Some(stored) => plain && !stored && column.place.is_none(),
            None => plain && self.has_instant_rows() && !self.needs_a_zero_date(column),
        }
    }

    /// A date for existing rows that strict mode does not take, which MySQL finds only row by row.
    fn needs_a_zero_date(&self, column: &Column) -> bool {
        self.flavor == Flavor::MySql
            && matches!(column.data_type.as_str(), "date" | "datetime" | "timestamp")
            && !column.nullable
            && column.default.is_none()
    }

    fn redefinition(&self, from: &Ident, to: &Ident) -> Cost {
        let (Some(before), Some(after)) = (self.before.column(from), self.after.column(to)) else { return ALL_ROWS };
        let maria = self.flavor == Flavor::MariaDb;
        let moved = after.place.is_some();
        let other_text = before.is_text() && (self.charset(before) != self.charset(after));
        let same_kind = before.generated == after.generated
            && before.auto_increment == after.auto_increment
            && !after.inline_key
            && before.nullable == after.nullable
            && !other_text;
        if moved || !same_kind {
            return ALL_ROWS;
        }
        if before.generated.is_some() {
            return ALL_ROWS;
        }
        if before.same_type(after) {
            return NOTHING;
        }
        match (before.data_type.as_str(), after.data_type.as_str()) {
            ("varchar", "varchar") if self.only_longer(before, after) => {
                if maria {
                    NOTHING
                } else {
                    IN_PLACE_ONLY
                }
            }
            ("enum", "enum") | ("set", "set") if only_appended(before, after) => INSTANT_ONLY,
            _ => ALL_ROWS,
        }
    }

    /// The character set and collation that a column ends up with, as far as text tells.
    fn charset<'c>(&'c self, column: &'c Column) -> (Option<&'c str>, Option<&'c str>) {
        let table_charset = self.before.option("CHARACTER SET").or(self.before.option("CHARSET"));
        let table_collation = self.before.option("COLLATE");
        let charset = column.charset.as_deref().or(table_charset);
        let collation = column.collation.as_deref().or(if column.charset.is_some() { None } else { table_collation });
        (charset, collation)
    }

    /// Longer, and the length of a value takes as many bytes as before.
    fn only_longer(&self, before: &Column, after: &Column) -> bool {
        // The most bytes a character can have; utf8mb4 where it is not known.
        let bytes = match self.charset(before).0.map(str::to_ascii_lowercase).as_deref() {
            Some("latin1" | "ascii") => 1,
            Some("utf8" | "utf8mb3") => 3,
            _ => 4,
        };
        let Some((from, to)) = before.length().zip(after.length()) else { return false };
        let length_bytes = |chars: u64| if chars * bytes > 255 { 2 } else { 1 };
        from <= to && length_bytes(from) == length_bytes(to)
    }
}

/// Values added behind the others, without a larger number for a value.
fn only_appended(before: &Column, after: &Column) -> bool {
    let size = |column: &Column| match column.data_type.as_str() {
        "enum" => 1 + column.arguments.len() / 256,
        _ => column.arguments.len().div_ceil(8),
    };
    after.arguments.starts_with(&before.arguments)
        && size(before) == size(after)
        && integer_bytes(&before.data_type).is_none()
}
