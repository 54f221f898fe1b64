//! Smaller changes that may fail for the same reason.

use super::plan::{Clause, End, Index, Plan, Statement, Write, quoted};

/// Plans with something less, the boldest first. Each is as well formed as the plan itself.
pub fn smaller(plan: &Plan) -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut add = |change: &dyn Fn(&mut Plan)| {
        let mut less = plan.clone();
        change(&mut less);
        if less != *plan && !less.clauses.is_empty() {
            plans.push(less);
        }
    };
    add(&|plan| plan.writes.clear());
    for at in 0..plan.clauses.len() {
        add(&|plan| drop(plan.clauses.remove(at)));
    }
    for column in &plan.columns {
        add(&|plan| without_column(plan, &column.name));
    }
    for at in 0..plan.indexes.len() {
        add(&|plan| without_index(plan, at));
    }
    for at in 0..plan.writes.len() {
        add(&|plan| drop(plan.writes.remove(at)));
    }
    add(&|plan| plan.options.clear());
    add(&|plan| plan.rows /= 2);
    add(&|plan| plan.rows = plan.rows.saturating_sub(1));
    for at in 0..plan.writes.len() {
        add(&|plan| plan.writes[at].end = End::Commit);
        for statement in 0..plan.writes[at].statements.len() {
            if plan.writes[at].statements.len() > 1 {
                add(&|plan| drop(plan.writes[at].statements.remove(statement)));
            }
        }
    }
    plans
}

/// Takes a column out, with everything that names it.
fn without_column(plan: &mut Plan, name: &str) {
    let mut gone = vec![name.to_owned()];
    while let Some(next) = gone.pop() {
        plan.columns.retain(|column| column.name != next);
        let of_it = plan.columns.iter().filter(|column| column.generated.as_ref().is_some_and(|by| by.uses == next));
        gone.extend(of_it.map(|column| column.name.clone()));
        plan.clauses.retain(|clause: &Clause| !clause.uses.contains(&next));
        plan.indexes.retain(|index: &Index| !index.uses.contains(&next));
        plan.writes = plan.writes.drain(..).filter_map(|write| write_without(write, &next)).collect();
    }
}

/// Takes an index out, with the clauses that may name it: they name its columns, too.
fn without_index(plan: &mut Plan, at: usize) {
    let index = plan.indexes.remove(at);
    let name = index.sql.split('`').nth(1).unwrap_or_default().to_owned();
    plan.clauses.retain(|clause| !clause.sql.contains(&quoted(&name)));
}

fn write_without(mut write: Write, name: &str) -> Option<Write> {
    let statements = write.statements.drain(..);
    write.statements = statements.filter_map(|statement| statement_without(statement, name)).collect();
    (!write.statements.is_empty()).then_some(write)
}

fn statement_without(mut statement: Statement, name: &str) -> Option<Statement> {
    let keep = |assigned: &mut Vec<(String, String)>| {
        assigned.retain(|(column, value)| column != name && !value.contains(&quoted(name)));
        !assigned.is_empty()
    };
    let is_left = match &mut statement {
        Statement::Insert { rows, on_duplicate, .. } => {
            keep(on_duplicate);
            rows.iter_mut().all(keep)
        }
        Statement::InsertSelect { columns, copied, filter, .. } => {
            copied.retain(|column| column != name);
            keep(columns) && !filter.contains(&quoted(name))
        }
        Statement::Update { set, filter, .. } => keep(set) && !filter.contains(&quoted(name)),
        Statement::UpdateJoin { set, .. } => keep(set),
        Statement::Delete { filter, .. } => !filter.contains(&quoted(name)),
    };
    is_left.then_some(statement)
}
