//! Something that cannot be taken back, without a plan for taking it back.

use super::case::Case;
use super::{Hit, Level, Rule};
use crate::plan::ClauseKind;

pub(super) const RULE: Rule = Rule {
    name: "missing_rollback",
    about: "what removes data can only be taken back with a plan that was made before",
    fix: "write the plan: `replank plan --rollback --write` saves what can be reversed as rollback.sql beside \
          migration.sql and marks what needs data",
    level: Level::Note,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let drops_column = case
        .clauses()
        .any(|(step, _, clause)| matches!(clause.kind, ClauseKind::DropColumn { .. }) && !case.steps[step].is_new);
    let removes = |step: &super::StepCase<'_>| {
        let words = step.words(2);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        matches!(words.as_slice(), ["DROP", "TABLE"] | ["TRUNCATE" | "DELETE", ..]) && !step.is_new
    };
    let destructive = drops_column || case.steps.iter().any(removes);
    match destructive && !case.has_rollback {
        true => vec![Hit::of_migration("data is removed and there is no rollback.sql")],
        false => Vec::new(),
    }
}
