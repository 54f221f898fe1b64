//! Views, routines, events and triggers that name a column which goes.

use super::case::{Case, ChangeCase};
use super::{Answer, Hit, Level, Question, Rule};
use crate::plan::dependents::{self, Program};
use crate::sql::{Ident, TableName};

pub(super) const RULE: Rule = Rule {
    name: "dependent_program",
    about: "a view, routine, event or trigger that names a column which is dropped or renamed fails from then on",
    fix: "change it in the same migration, before or behind the statement",
    level: Level::Warn,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let hit = |change: ChangeCase<'_>| {
        let table = change.case.table.clone().filter(|_| change.case.now.is_some())?;
        let before = change.before.columns.iter().map(|column| &column.name);
        let lost: Vec<Ident> = before.filter(|column| change.after.column(column).is_none()).cloned().collect();
        (!lost.is_empty()).then(|| Hit::asked(change.index, question(table, lost)))
    };
    case.changes().filter_map(hit).collect()
}

fn question(table: TableName, lost: Vec<Ident>) -> Question {
    let name = table.table.as_str();
    let unanswered = format!("whether a view or a stored program names the columns of `{name}` that go is not known");
    let sql = dependents::sql(&table);
    let read = move |answer: &Answer| {
        let program = |row: &Vec<Option<String>>| match row.as_slice() {
            [Some(kind), Some(name), Some(text), on] => {
                Some(Program { kind: kind.clone(), name: name.clone(), text: text.clone(), on: on.clone() })
            }
            _ => None,
        };
        let programs: Vec<Program> = answer.iter().filter_map(program).collect();
        dependents::naming(&programs, &table.table, &lost)
    };
    Question { list: sql.clone(), sql, read: Box::new(read), unanswered, of_values: false, of_rounding: false }
}
