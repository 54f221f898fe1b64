//! More than one logical change in a migration.

use super::case::Case;
use super::{Hit, Level, Rule};

pub(super) const RULE: Rule = Rule {
    name: "several_changes",
    about: "a migration that fails half-way is easier to mend, and one that worked easier to take back, when it is one \
            change",
    fix: "make a migration of each; `prisma migrate dev --create-only` writes one that can be cut apart",
    level: Level::Note,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut tables: Vec<&str> = Vec::new();
    for step in &case.steps {
        // A new table, its indexes and its foreign keys are one change, and so is a new parent with its child.
        if let Some(table) = step.table.as_ref().filter(|_| !step.is_new).map(|table| table.table.as_str())
            && !tables.contains(&table)
        {
            tables.push(table);
        }
    }
    let news = usize::from(case.steps.iter().any(|step| step.is_new));
    if tables.len() + news < 2 {
        return Vec::new();
    }
    let mut names: Vec<String> = tables.iter().map(|table| format!("`{table}`")).collect();
    if news > 0 {
        names.push("new tables".to_owned());
    }
    vec![Hit::of_migration(format!("one migration changes {}", names.join(", ")))]
}
