//! Random clauses. Those that change what rows hold come most often; some that no server takes are among them.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::generate::{a_type, attributes, attributes_of_new, generated_sql, index, one};
use super::plan::{Clause, Column, Plan, quoted};
use super::types::{TYPES, Type};

/// One to four clauses for a plan's table.
pub fn generate(rng: &mut ChaCha8Rng, plan: &Plan) -> Vec<Clause> {
    let mut left =
        Left { plan, columns: plan.columns.iter().collect(), indexes: (0..plan.indexes.len()).collect(), new: 0 };
    let mut clauses = Vec::new();
    let wanted = *one(rng, &[1, 1, 1, 2, 2, 3, 4]);
    // What a table lacks is drawn again, so that no plan is without a clause.
    while clauses.len() < wanted {
        clauses.extend(left.draw(rng));
    }
    // Servers want it at the end.
    clauses.sort_by_key(|clause| clause.sql.contains("PARTITION"));
    clauses
}

/// What no clause has named yet.
struct Left<'a> {
    plan: &'a Plan,
    columns: Vec<&'a Column>,
    indexes: Vec<usize>,
    new: u32,
}

impl<'a> Left<'a> {
    fn draw(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        match rng.random_range(0..100) {
            0..14 => self.add_column(rng),
            14..22 => self.drop_column(rng),
            22..48 => self.change_type(rng),
            48..56 => self.rename(rng),
            56..60 => self.swap_names(rng),
            60..64 => self.drop_and_add(rng),
            64..72 => self.add_index(rng),
            72..76 => self.drop_index(rng),
            76..79 => self.rename_index(),
            79..83 => self.change_key(rng),
            83..87 => self.convert(rng),
            87..90 => self.set_default(rng),
            90..94 => self.option(rng),
            94..98 => self.partition(rng),
            _ => self.move_column(rng),
        }
    }

    fn take_column(&mut self, rng: &mut ChaCha8Rng) -> Option<&'a Column> {
        let plain: Vec<usize> = (0..self.columns.len()).filter(|&at| self.columns[at].generated.is_none()).collect();
        (!plain.is_empty()).then(|| self.columns.remove(*one(rng, &plain)))
    }

    fn new_name(&mut self, prefix: &str) -> String {
        self.new += 1;
        format!("{prefix}{}", self.new)
    }

    fn add_column(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let name = self.new_name("new");
        let (definition, mut uses) = match rng.random_range(0..10) {
            0..2 if !self.columns.is_empty() => {
                let base = *one(rng, &self.columns);
                if base.generated.is_some() {
                    return Vec::new();
                }
                let stored = *one(rng, &["STORED", "VIRTUAL"]);
                (format!("{} {stored}", generated_sql(base)), vec![base.name.clone()])
            }
            _ => {
                let of = a_type(rng, self.plan.kind);
                (format!("{} {}", of.sql, attributes_of_new(rng, of, self.plan.kind)), Vec::new())
            }
        };
        let place = match rng.random_range(0..6) {
            0 => " FIRST".to_owned(),
            1 if !self.columns.is_empty() => {
                let after = *one(rng, &self.columns);
                uses.push(after.name.clone());
                format!(" AFTER {}", quoted(&after.name))
            }
            _ => String::new(),
        };
        vec![Clause { sql: format!("ADD COLUMN `{name}` {definition}{place}"), uses }]
    }

    fn drop_column(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        if self.columns.is_empty() {
            return Vec::new();
        }
        let column = self.columns.remove(rng.random_range(0..self.columns.len()));
        vec![clause(format!("DROP COLUMN {}", quoted(&column.name)), &[column])]
    }

    fn change_type(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let Some(column) = self.take_column(rng) else { return Vec::new() };
        let of = related(rng, column.of, self.plan);
        let name = quoted(&column.name);
        let attributes = self.nullable_like(rng, column, of);
        let sql = match rng.random_bool(0.25) {
            true => format!("CHANGE {name} `{}` {} {attributes}", self.new_name("changed"), of.sql),
            false => format!("MODIFY {name} {} {attributes}", of.sql),
        };
        vec![clause(sql, &[column])]
    }

    /// Mostly as before: NOT NULL over NULLs is a refusal, which is wanted now and then.
    fn nullable_like(&self, rng: &mut ChaCha8Rng, column: &Column, of: &Type) -> String {
        match rng.random_bool(0.2) {
            true => attributes(rng, of, self.plan.kind),
            false if column.attributes.starts_with("NOT NULL") => "NOT NULL".to_owned(),
            false => "NULL".to_owned(),
        }
    }

    fn rename(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let Some(column) = self.take_column(rng) else { return Vec::new() };
        let to = match rng.random_range(0..4) {
            0 => column.name.to_uppercase(),
            _ => self.new_name("renamed"),
        };
        vec![clause(format!("RENAME COLUMN {} TO {}", quoted(&column.name), quoted(&to)), &[column])]
    }

    fn swap_names(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let (Some(one), Some(other)) = (self.take_column(rng), self.take_column(rng)) else { return Vec::new() };
        let (a, b) = (quoted(&one.name), quoted(&other.name));
        match rng.random_bool(0.5) {
            true => vec![
                clause(format!("RENAME COLUMN {a} TO {b}"), &[one, other]),
                clause(format!("RENAME COLUMN {b} TO {a}"), &[one, other]),
            ],
            false => vec![
                clause(format!("CHANGE {a} {b} {} {}", one.of.sql, one.attributes), &[one, other]),
                clause(format!("CHANGE {b} {a} {} {}", other.of.sql, other.attributes), &[one, other]),
            ],
        }
    }

    fn drop_and_add(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let Some(column) = self.take_column(rng) else { return Vec::new() };
        // MariaDB's own ALTER keeps what is stored of the old column's value.
        let is_used = |other: &Column| other.generated.as_ref().is_some_and(|by| by.uses == column.name);
        if self.plan.columns.iter().any(is_used) {
            return Vec::new();
        }
        let name = quoted(&column.name);
        let of = related(rng, column.of, self.plan);
        // FIRST, so that the definition is never what it was: it is what tells when the change was made.
        vec![
            clause(format!("DROP COLUMN {name}"), &[column]),
            clause(
                format!("ADD COLUMN {name} {} {} FIRST", of.sql, attributes_of_new(rng, of, self.plan.kind)),
                &[column],
            ),
        ]
    }

    fn add_index(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let columns: Vec<Column> = self.columns.iter().map(|&column| column.clone()).collect();
        let name = self.new_name("x");
        let Some(index) = index(rng, &columns, &name, true) else { return Vec::new() };
        self.columns.retain(|column| !index.uses.contains(&column.name));
        vec![Clause { sql: format!("ADD {}", index.sql), uses: index.uses }]
    }

    fn take_index(&mut self) -> Option<&'a super::plan::Index> {
        self.indexes.pop().map(|at| &self.plan.indexes[at])
    }

    fn drop_index(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let Some(index) = self.take_index() else { return Vec::new() };
        let word = *one(rng, &["INDEX", "KEY"]);
        vec![Clause { sql: format!("DROP {word} `{}`", name_of(&index.sql)), uses: index.uses.clone() }]
    }

    fn rename_index(&mut self) -> Vec<Clause> {
        let Some(index) = self.take_index() else { return Vec::new() };
        let sql = format!("RENAME INDEX `{}` TO `{}`", name_of(&index.sql), self.new_name("renamed"));
        vec![Clause { sql, uses: index.uses.clone() }]
    }

    /// The key widened, renamed, re-typed, or exchanged for a longer one.
    fn change_key(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let first = &self.plan.key.columns[0];
        let kind = first.sql.split_once(' ').map_or("", |(_, rest)| rest);
        let alone = |sql: String| vec![Clause { sql, uses: Vec::new() }];
        match rng.random_range(0..4) {
            0 => alone(format!("CHANGE `k` `{}` {}", self.new_name("key"), first.sql)),
            1 if first.sql.starts_with("INT") => alone(format!("MODIFY `k` BIGINT {kind}")),
            1 if first.sql.starts_with("BIGINT") => alone(format!("MODIFY `k` DECIMAL(20,0) {}", "NOT NULL")),
            2 if first.sql.starts_with("VARCHAR(20)") => {
                alone(format!("MODIFY `k` {}", first.sql.replace("VARCHAR(20)", "VARCHAR(300)")))
            }
            _ if !self.plan.key.is_primary() || self.plan.key.counts() => Vec::new(),
            _ => {
                let Some(column) = self.take_column(rng) else { return Vec::new() };
                if !column.of.is_indexable() || column.of.is_blob() || !column.attributes.starts_with("NOT NULL") {
                    return Vec::new();
                }
                let mut parts: Vec<String> =
                    self.plan.key.columns.iter().map(|column| format!("`{}`", column.name)).collect();
                parts.insert(rng.random_range(0..=parts.len()), quoted(&column.name));
                vec![
                    clause("DROP PRIMARY KEY".to_owned(), &[column]),
                    clause(format!("ADD PRIMARY KEY ({})", parts.join(", ")), &[column]),
                ]
            }
        }
    }

    fn convert(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let to = *one(rng, &["utf8mb4", "utf8mb4 COLLATE utf8mb4_bin", "utf8mb4 COLLATE utf8mb4_general_ci", "latin1"]);
        // It names no column, and works on all.
        vec![clause(format!("CONVERT TO CHARACTER SET {to}"), &[])]
    }

    fn set_default(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let Some(column) = self.take_column(rng) else { return Vec::new() };
        let name = quoted(&column.name);
        let literals = column.of.literals();
        // What MySQL then does without a value cannot be seen in the definition, which is what tells when it changes.
        if column.of.is_blob() {
            return Vec::new();
        }
        let sql = match literals.is_empty() || rng.random_bool(0.3) {
            true => format!("ALTER COLUMN {name} DROP DEFAULT"),
            false => format!("ALTER COLUMN {name} SET DEFAULT {}", one(rng, &literals)),
        };
        vec![clause(sql, &[column])]
    }

    fn option(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let all = [
            "FORCE",
            "ENGINE=InnoDB",
            "ROW_FORMAT=DYNAMIC",
            "ROW_FORMAT=COMPACT",
            "COMMENT='new; comment, with \\'quotes\\''",
            "AUTO_INCREMENT=5000",
            "DEFAULT CHARACTER SET latin1",
            "STATS_PERSISTENT=1",
        ];
        vec![clause(one(rng, &all).to_string(), &[])]
    }

    fn partition(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        if self.new >= 100 || !self.plan.key.is_primary() {
            return Vec::new();
        }
        // Only one of them goes into an ALTER.
        self.new += 100;
        let is_partitioned = self.plan.options.iter().any(|option| option.starts_with("PARTITION"));
        let sql = match is_partitioned && rng.random_bool(0.8) {
            true => "REMOVE PARTITIONING",
            false => *one(rng, &["PARTITION BY KEY () PARTITIONS 3", "PARTITION BY KEY (`k`) PARTITIONS 2"]),
        };
        vec![clause(sql.to_owned(), &[])]
    }

    fn move_column(&mut self, rng: &mut ChaCha8Rng) -> Vec<Clause> {
        let Some(column) = self.take_column(rng) else { return Vec::new() };
        let sql = format!("MODIFY {} {} {} FIRST", quoted(&column.name), column.of.sql, column.attributes);
        vec![clause(sql, &[column])]
    }
}

/// Mostly a type of the same family, else any.
fn related(rng: &mut ChaCha8Rng, of: &'static Type, plan: &Plan) -> &'static Type {
    let kin: Vec<&Type> = TYPES.iter().filter(|one| one.family == of.family && one.on.has(plan.kind)).collect();
    match rng.random_bool(0.8) {
        true => kin[rng.random_range(0..kin.len())],
        false => a_type(rng, plan.kind),
    }
}

fn clause(sql: String, columns: &[&Column]) -> Clause {
    Clause { sql, uses: columns.iter().map(|column| column.name.clone()).collect() }
}

fn name_of(index: &str) -> &str {
    index.split('`').nth(1).unwrap_or_default()
}
