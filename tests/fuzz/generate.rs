//! From a seed to a plan. Nothing but the seed and the kind of server decides.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::plan::{Column, Generated, Index, Plan, quoted};
use super::types::{KEYS, Key, TYPES, Type};
use super::{clauses, writes};
use crate::support::Kind;

/// Names that have to be quoted, and some that do not.
const NAMES: [&str; 7] = ["c1", "select", "Größe", "a b", "c5", "it's", "`"];

/// The plan of a seed.
pub fn plan(seed: u64, kind: Kind) -> Plan {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut plan = Plan {
        seed,
        kind,
        key: key(&mut rng, kind),
        columns: Vec::new(),
        indexes: Vec::new(),
        options: Vec::new(),
        rows: rng.random_range(0..300),
        clauses: Vec::new(),
        writes: Vec::new(),
        force_copy: rng.random_bool(0.85),
        drop_old: rng.random_bool(0.8),
        pace: [None, Some(100), Some(150), Some(300)][rng.random_range(0..4)],
    };
    for name in &NAMES[..rng.random_range(1..=NAMES.len())] {
        let column = match plan.columns.is_empty() || rng.random_bool(0.88) {
            true => plain_column(&mut rng, kind, name),
            false => generated_column(&mut rng, name, &plan.columns),
        };
        plan.columns.push(column);
    }
    let partitioned = plan.key.is_integer() && plan.key.is_primary() && rng.random_bool(0.25);
    for number in 0..rng.random_range(0..4) {
        if let Some(index) = index(&mut rng, &plan.columns, &format!("i{number}"), !partitioned) {
            plan.indexes.push(index);
        }
    }
    plan.options = options(&mut rng, partitioned);
    plan.clauses = clauses::generate(&mut rng, &plan);
    plan.writes = writes::generate(&mut rng, &plan);
    plan
}

/// One of some.
pub fn one<'a, T>(rng: &mut ChaCha8Rng, all: &'a [T]) -> &'a T {
    &all[rng.random_range(0..all.len())]
}

pub fn a_type(rng: &mut ChaCha8Rng, kind: Kind) -> &'static Type {
    let there: Vec<&Type> = TYPES.iter().filter(|one| one.on.has(kind)).collect();
    there[rng.random_range(0..there.len())]
}

fn key(rng: &mut ChaCha8Rng, kind: Kind) -> &'static Key {
    let there: Vec<&Key> = KEYS.iter().filter(|key| key.on.has(kind)).collect();
    let mut drawn = rng.random_range(0..there.iter().map(|key| key.weight).sum());
    for key in there {
        match drawn.checked_sub(key.weight) {
            Some(rest) => drawn = rest,
            None => return key,
        }
    }
    unreachable!("less than all weights together")
}

/// What follows the type of a new column: seldom NOT NULL without a value, which is refused.
pub fn attributes_of_new(rng: &mut ChaCha8Rng, of: &Type, kind: Kind) -> String {
    match attributes(rng, of, kind).as_str() {
        "NOT NULL" if rng.random_bool(0.9) => "NULL".to_owned(),
        other => other.to_owned(),
    }
}

/// What follows the type: whether it can be NULL, and what it is without a value.
pub fn attributes(rng: &mut ChaCha8Rng, of: &Type, kind: Kind) -> String {
    let mut literals = of.literals();
    // MariaDB prints the default of a FLOAT with six digits, and makes it that at the next ALTER of whatever kind.
    literals.retain(|literal| !of.sql.starts_with("FLOAT") || *literal != "16777217");
    let default = match literals {
        literals if !literals.is_empty() && takes_default(of, kind) && rng.random_bool(0.4) => {
            format!(" DEFAULT {}", one(rng, &literals))
        }
        _ => String::new(),
    };
    match rng.random_bool(0.4) {
        true if default.is_empty() && of.sql.starts_with("TIMESTAMP") => "NULL".to_owned(),
        true => format!("NOT NULL{default}"),
        false => format!("NULL{default}"),
    }
}

fn takes_default(of: &Type, kind: Kind) -> bool {
    kind != Kind::MySql97 || !(of.is_blob() || of.sql == "JSON" || of.sql == "POINT")
}

fn plain_column(rng: &mut ChaCha8Rng, kind: Kind, name: &str) -> Column {
    let of = a_type(rng, kind);
    let attributes = attributes(rng, of, kind);
    let mut values: Vec<&'static str> = (0..rng.random_range(1..6)).map(|_| *one(rng, of.values)).collect();
    if attributes.starts_with("NULL") {
        values.push("NULL");
    }
    Column { name: name.to_owned(), of, attributes, generated: None, values }
}

fn generated_column(rng: &mut ChaCha8Rng, name: &str, columns: &[Column]) -> Column {
    let plain: Vec<&Column> = columns.iter().filter(|column| column.generated.is_none()).collect();
    let base = one(rng, &plain);
    let stored = if rng.random_bool(0.5) { "STORED" } else { "VIRTUAL" };
    let sql = format!("{} {stored}", generated_sql(base));
    Column { generated: Some(Generated { sql, uses: base.name.clone() }), name: name.to_owned(), ..(*base).clone() }
}

/// The type and the expression of what is computed from a column.
pub fn generated_sql(base: &Column) -> String {
    let name = quoted(&base.name);
    match base.of.family {
        super::types::Family::Integer => format!("BIGINT AS ({name} DIV 2)"),
        super::types::Family::Text => format!("INT AS (CHAR_LENGTH({name}))"),
        _ => format!("TINYINT AS ({name} IS NULL)"),
    }
}

/// An index over one or two columns, if there are any that take one.
pub fn index(rng: &mut ChaCha8Rng, columns: &[Column], name: &str, may_be_unique: bool) -> Option<Index> {
    let able: Vec<&Column> =
        columns.iter().filter(|column| column.of.is_indexable() || column.generated.is_some()).collect();
    if able.is_empty() {
        return None;
    }
    let first = *one(rng, &able);
    let second = *one(rng, &able);
    let part = |column: &Column| {
        let prefix = if column.of.is_blob() && column.generated.is_none() { "(10)" } else { "" };
        format!("{}{prefix}", quoted(&column.name))
    };
    let mut uses = vec![first.name.clone()];
    let mut parts = part(first);
    if second.name != first.name && rng.random_bool(0.4) {
        uses.push(second.name.clone());
        parts = format!("{parts}, {}", part(second));
    }
    let unique = if may_be_unique && rng.random_bool(0.2) { "UNIQUE " } else { "" };
    Some(Index { sql: format!("{unique}KEY `{name}` ({parts})"), uses })
}

fn options(rng: &mut ChaCha8Rng, partitioned: bool) -> Vec<String> {
    let mut options = vec!["ENGINE=InnoDB".to_owned()];
    let charset = *one(
        rng,
        &["", "", "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci", "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"],
    );
    options.push(charset.to_owned());
    if rng.random_bool(0.2) {
        options.push(
            one(rng, &["ROW_FORMAT=COMPACT", "ROW_FORMAT=DYNAMIC", "COMMENT='it''s AUTO_INCREMENT=7'"]).to_string(),
        );
    }
    if partitioned {
        let by = *one(rng, &["PARTITION BY HASH (`k`) PARTITIONS 3", "PARTITION BY KEY (`k`) PARTITIONS 2"]);
        options.push(by.to_owned());
    }
    options
}
