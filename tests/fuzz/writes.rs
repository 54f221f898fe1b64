//! Random writes of every shape. `@n` is another number each time one is sent, so one write touches many rows in turn.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::generate::one;
use super::plan::{Assigned, Column, End, Plan, Statement, TABLE, Write, quoted};

/// Some writes for a plan's table.
pub fn generate(rng: &mut ChaCha8Rng, plan: &Plan) -> Vec<Write> {
    let writes = *one(rng, &[0, 4, 8, 12]);
    (0..writes).map(|_| write(rng, plan)).collect()
}

fn write(rng: &mut ChaCha8Rng, plan: &Plan) -> Write {
    let several = rng.random_bool(0.25);
    let statements: Vec<Statement> =
        (0..if several { rng.random_range(2..5) } else { 1 }).map(|_| statement(rng, plan)).collect();
    let end = match rng.random_range(0..10) {
        0 => End::Rollback,
        1 if several => End::BackToSavepoint,
        2..4 => End::CommitLater,
        _ => End::Commit,
    };
    Write { statements, end }
}

fn statement(rng: &mut ChaCha8Rng, plan: &Plan) -> Statement {
    // Rows that are there, for the most part, and a few that are not.
    let number = format!("(@n * {} % {})", one(rng, &[1, 3, 7]), plan.rows + 30);
    let key = plan.key;
    let order = format!("`{}`", key.columns[0].name);
    match rng.random_range(0..100) {
        0..18 => insert(rng, plan, "INSERT INTO", &format!("({} + @n)", plan.rows + 40)),
        18..26 => insert(rng, plan, "INSERT IGNORE INTO", &number),
        26..36 => insert(rng, plan, "REPLACE INTO", &number),
        36..46 => {
            let set = set(rng, plan);
            let mut insert = insert(rng, plan, "INSERT INTO", &number);
            if let Statement::Insert { on_duplicate, .. } = &mut insert {
                *on_duplicate = set;
            }
            insert
        }
        46..52 => {
            let columns = key.values(&format!("({} + @n)", plan.rows + 4_000));
            let copied = plain(plan).map(|column| column.name.clone()).collect();
            let verb = *one(rng, &["INSERT INTO", "INSERT IGNORE INTO"]);
            Statement::InsertSelect { verb, columns, copied, filter: equal(&key.values(&number)) }
        }
        52..70 => Statement::Update { set: set(rng, plan), filter: equal(&key.values(&number)), tail: String::new() },
        70..75 => {
            let tail = format!(" ORDER BY {order} LIMIT 7");
            Statement::Update { set: set(rng, plan), filter: from(plan, &number), tail }
        }
        75..79 => match key.letters() {
            Some(column) => {
                let name = quoted(column.name);
                let changed = one(rng, &["UPPER", "LOWER"]).to_string();
                let set = vec![(column.name.to_owned(), format!("{changed}({name})"))];
                Statement::Update { set, filter: equal(&key.values(&number)), tail: String::new() }
            }
            None => move_key(plan, &number),
        },
        79..84 => move_key(plan, &number),
        84..90 => {
            let names: Vec<&str> = key.columns.iter().map(|column| column.name).collect();
            let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let keys = format!(
                "SELECT {} FROM `{}` WHERE {} ORDER BY {order} LIMIT 5",
                list.join(", "),
                TABLE,
                from(plan, &number)
            );
            let on: Vec<String> = names.iter().map(|name| format!("t.`{name}` = wanted.`{name}`")).collect();
            Statement::UpdateJoin { set: set(rng, plan), keys, on: on.join(" AND ") }
        }
        90..96 => Statement::Delete { filter: equal(&key.values(&number)), tail: String::new() },
        _ => Statement::Delete { filter: from(plan, &number), tail: format!(" ORDER BY {order} LIMIT 3") },
    }
}

fn plain(plan: &Plan) -> impl Iterator<Item = &Column> {
    plan.columns.iter().filter(|column| column.generated.is_none())
}

fn insert(rng: &mut ChaCha8Rng, plan: &Plan, verb: &'static str, number: &str) -> Statement {
    let by_counter = plan.key.counts() && verb == "INSERT INTO" && rng.random_bool(0.5);
    let rows = if rng.random_bool(0.3) { 3 } else { 1 };
    // All without a default, and some of the others.
    let named: Vec<&Column> =
        plain(plan).filter(|column| column.attributes == "NOT NULL" || rng.random_bool(0.8)).collect();
    let row = |rng: &mut ChaCha8Rng, at: usize| {
        let mut row: Assigned = match by_counter {
            true => Vec::new(),
            false => plan.key.values(&format!("({number} + {at})")),
        };
        row.extend(named.iter().map(|column| (column.name.clone(), value(rng, column))));
        row
    };
    let rows: Vec<Assigned> = (0..rows).map(|at| row(rng, at)).collect();
    match rows[0].is_empty() {
        true => insert(rng, plan, "INSERT IGNORE INTO", number),
        false => Statement::Insert { verb, rows, on_duplicate: Vec::new() },
    }
}

fn set(rng: &mut ChaCha8Rng, plan: &Plan) -> Assigned {
    let all: Vec<&Column> = plain(plan).collect();
    let first = *one(rng, &all);
    let mut set = vec![(first.name.clone(), value(rng, first))];
    let second = *one(rng, &all);
    if second.name != first.name && rng.random_bool(0.5) {
        set.push((second.name.clone(), value(rng, second)));
    }
    set
}

fn value(rng: &mut ChaCha8Rng, column: &Column) -> String {
    match column.attributes.starts_with("NULL") && rng.random_bool(0.15) {
        true => "NULL".to_owned(),
        false => one(rng, column.of.values).to_string(),
    }
}

/// The row gets another key.
fn move_key(plan: &Plan, number: &str) -> Statement {
    let set = plan.key.values(&format!("({} + @n)", plan.rows + 1_500));
    Statement::Update { set, filter: equal(&plan.key.values(number)), tail: String::new() }
}

fn equal(values: &[(String, String)]) -> String {
    let all: Vec<String> = values.iter().map(|(name, value)| format!("`{name}` = {value}")).collect();
    all.join(" AND ")
}

fn from(plan: &Plan, number: &str) -> String {
    let (name, value) = plan.key.values(number).remove(0);
    format!("`{name}` >= {value}")
}
